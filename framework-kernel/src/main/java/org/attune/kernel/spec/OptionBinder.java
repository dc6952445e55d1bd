package org.attune.kernel.spec;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.attune.plugin.Option;
import org.attune.plugin.UserError;
import org.attune.trial.Catalogue;

/** Fills options records from specs, by the {@link Option} annotations of their components. */
public final class OptionBinder {
    /**
     * The record that a plug-in's options make; what is not given has its default.
     *
     * @param kind of the plug-in, as errors call it: {@code adapter}
     * @param base the folder that relative paths start from
     * @throws UserError if an option is unknown, missing, of another type or out of range, or the record's constructor refuses the
     *     values with an IllegalArgumentException or UserError
     */
    public <R extends Record> R bind(PluginRef ref, String kind, Class<R> type, Path base) {
        String plugin = kind + " " + Quote.of(ref.name());
        if (!(ref.options() instanceof SpecNode.Fields given)) {
            throw new UserError(ref.options().place() + ": " + plugin + ": expected options by name, found "
                    + ref.options().found());
        }
        return bind(given, type, base, new Subject(plugin + ": ", plugin + " has no option ", "Options", List.of()));
    }

    /**
     * The values of a record as a spec would give them: numbers, booleans and text, or lists and mappings of these, by option name. Binding
     * them again makes an equal record.
     */
    public Map<String, Object> describe(Record options) {
        Map<String, Object> values = new LinkedHashMap<>();
        for (RecordComponent component : options.getClass().getRecordComponents()) {
            Object value = access(component, options);
            if (isGroup(component)) {
                values.putAll(describe((Record) value));
            } else {
                values.put(new DeclaredOption(component).name(), written(value));
            }
        }
        return Collections.unmodifiableMap(values);
    }

    /** What can be set, in the order declared. */
    public List<Catalogue.OptionInfo> options(Class<? extends Record> type) {
        return declared(type).stream()
                .map(option -> new Catalogue.OptionInfo(
                        option.name(), option.label(), option.defaults(), option.range(), option.description()))
                .toList();
    }

    /**
     * How errors speak of what is bound.
     *
     * @param prefix stands before an option's name: {@code "adapter 'lora': "}, {@code "train."}
     * @param unknown stands before the name of an option that there is not
     * @param known what the known names are called in a list of them
     * @param names names that are read elsewhere, or all names in the order in which a list should show them
     */
    record Subject(String prefix, String unknown, String known, List<String> names) {}

    <R extends Record> R bind(SpecNode.Fields given, Class<R> type, Path base, Subject subject) {
        checkNames(given, declared(type), subject);
        return fill(given, type, base, subject);
    }

    private static <R extends Record> R fill(SpecNode.Fields given, Class<R> type, Path base, Subject subject) {
        Object[] values = Arrays.stream(type.getRecordComponents())
                .map(component -> isGroup(component)
                        ? fill(given, component.getType().asSubclass(Record.class), base, subject)
                        : value(given, new DeclaredOption(component), type, base, subject))
                .toArray();
        return construct(type, values, refusal -> {
            String about = subject.prefix().replaceAll("[:.] ?$", "");
            return new UserError(
                    given.place() + ": " + (about.isEmpty() ? "" : about + ": ")
                            + Quote.oneLine(String.valueOf(refusal.getMessage())),
                    refusal);
        });
    }

    private static void checkNames(SpecNode.Fields given, List<DeclaredOption> options, Subject subject) {
        Set<String> known = new LinkedHashSet<>(subject.names());
        options.forEach(option -> known.add(option.name()));
        given.fields().forEach((name, node) -> {
            if (!known.contains(name)) {
                String list = known.isEmpty() ? "It has none." : subject.known() + ": " + String.join(", ", known);
                throw new UserError(node.place() + ": " + subject.unknown() + Quote.of(name)
                        + NearestName.question(name, known) + " " + list);
            }
        });
    }

    private static Object value(
            SpecNode.Fields given, DeclaredOption option, Class<?> type, Path base, Subject subject) {
        SpecNode node = given.fields().get(option.name());
        String name = subject.prefix() + option.name();
        if (node != null && !node.isNull()) {
            return option.read(node, name, base);
        }
        if (option.defaults() == null) {
            throw new UserError("%s: %s is missing: expected %s (%s)"
                    .formatted(given.place(), name, option.expected(), option.description()));
        }
        String place = type.getName() + ", default of " + option.name();
        try {
            SpecNode defaults =
                    YamlText.parse(option.defaults(), place, line -> place).orElse(new SpecNode.Scalar("", place));
            return option.read(defaults, name, base);
        } catch (UserError e) {
            // The plug-in's author made this mistake, not its user.
            throw new IllegalStateException(e.getMessage(), e);
        }
    }

    /** In the order declared, those of a group in its place. */
    private static List<DeclaredOption> declared(Class<? extends Record> type) {
        return Arrays.stream(type.getRecordComponents())
                .flatMap(component -> isGroup(component)
                        ? declared(component.getType().asSubclass(Record.class)).stream()
                        : Stream.of(new DeclaredOption(component)))
                .toList();
    }

    /** Whether a component is a record of options that several plug-ins share. */
    private static boolean isGroup(RecordComponent component) {
        return component.getType().isRecord();
    }

    /** Options records may be hidden in a bundle's private packages: all bundles share the unnamed module world. */
    private static <R extends Record> R construct(
            Class<R> type, Object[] values, Function<RuntimeException, UserError> refused) {
        try {
            Constructor<R> constructor = type.getDeclaredConstructor(Arrays.stream(type.getRecordComponents())
                    .map(RecordComponent::getType)
                    .toArray(Class<?>[]::new));
            constructor.setAccessible(true);
            return constructor.newInstance(values);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof IllegalArgumentException || e.getCause() instanceof UserError) {
                throw refused.apply((RuntimeException) e.getCause());
            }
            throw new IllegalStateException(type.getName() + ": its constructor failed", e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(type.getName() + " cannot be made", e);
        }
    }

    private static Object access(RecordComponent component, Record options) {
        try {
            component.getAccessor().setAccessible(true);
            return component.getAccessor().invoke(options);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(options.getClass().getName() + " cannot be read", e);
        }
    }

    private static Object written(Object value) {
        if (value == null) {
            return "";
        }
        if (value instanceof List<?> list) {
            return list.stream().map(OptionBinder::written).toList();
        }
        if (value instanceof Map<?, ?> map) {
            Map<String, Object> items = new LinkedHashMap<>();
            map.forEach((key, item) -> items.put(String.valueOf(key), written(item)));
            return items;
        }
        if (value instanceof Enum<?> constant) {
            return ValueType.written(constant);
        }
        return value instanceof Path path ? path.toAbsolutePath().normalize().toString() : value;
    }
}
