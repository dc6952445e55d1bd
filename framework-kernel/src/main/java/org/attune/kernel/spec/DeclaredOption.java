package org.attune.kernel.spec;

import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.attune.plugin.Option;
import org.attune.plugin.UserError;

/** One component of an options record: its name in a spec, its type, default and range. */
final class DeclaredOption {
    private final RecordComponent component;
    private final Option option;

    DeclaredOption(RecordComponent component) {
        this.component = component;
        this.option = component.getAnnotation(Option.class);
        if (option == null) {
            throw new IllegalStateException(component.getDeclaringRecord().getName() + "." + component.getName()
                    + " lacks @Option: an options record declares each of its components");
        }
    }

    String name() {
        return component.getName().replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
    }

    Class<?> type() {
        return component.getType();
    }

    String description() {
        return option.value();
    }

    /** As a user writes it; null where the option must be given. */
    String defaults() {
        return option.defaults().equals(Option.REQUIRED) ? null : option.defaults();
    }

    /** As help shows it: {@code integer}, {@code list of text}. */
    String label() {
        ValueType type = ValueType.of(component.getGenericType(), Path.of(""));
        return isList() ? "list of " + type.plural() : isMap() ? "mapping to " + type.plural() : type.label();
    }

    /** Such as {@code >= 0 and <= 1}; empty for none. */
    String range() {
        String low = option.min() == Double.NEGATIVE_INFINITY ? "" : ">= " + plain(option.min());
        String high = option.max() == Double.POSITIVE_INFINITY ? "" : "<= " + plain(option.max());
        return low.isEmpty() || high.isEmpty() ? low + high : low + " and " + high;
    }

    /** {@code a whole number >= 1}, {@code a list of text}. */
    String expected() {
        String what = isList() || isMap()
                ? "a " + label()
                : ValueType.of(component.getGenericType(), Path.of("")).expected();
        return range().isEmpty() ? what : what + " " + range();
    }

    /**
     * The value that a node gives, which is not null.
     *
     * @param name how an error calls the option
     * @throws UserError if it is of another type or out of range
     */
    Object read(SpecNode node, String name, Path base) {
        ValueType type = ValueType.of(component.getGenericType(), base);
        if (isMap()) {
            return map(node, type, name);
        }
        if (!isList()) {
            return value(node, type, name);
        }
        List<SpecNode> items = node instanceof SpecNode.Items list ? list.items() : List.of(node);
        List<Object> values = new ArrayList<>();
        for (SpecNode item : items) {
            values.add(value(item, type, name));
        }
        return List.copyOf(values);
    }

    /** In the order written. */
    private Object map(SpecNode node, ValueType type, String name) {
        if (!(node instanceof SpecNode.Fields mapping)) {
            throw new UserError(node.place() + ": " + name + ": expected " + expected() + ", found " + node.found());
        }
        Map<String, Object> values = new LinkedHashMap<>();
        mapping.fields().forEach((key, item) -> values.put(key, value(item, type, name + "." + key)));
        return Collections.unmodifiableMap(values);
    }

    private Object value(SpecNode node, ValueType type, String name) {
        if (type() == Path.class && node instanceof SpecNode.Scalar scalar && "".equals(scalar.value())) {
            return null;
        }
        Object value = node instanceof SpecNode.Scalar scalar && scalar.value() != null
                ? type.parse().apply(scalar.value())
                : null;
        if (value == null) {
            throw new UserError(node.place() + ": " + name + ": expected " + expected() + ", found " + node.found());
        }
        if (value instanceof Number number
                && (number.doubleValue() < option.min() || number.doubleValue() > option.max())) {
            throw new UserError(node.place() + ": " + name + " must be " + range() + ", found " + bare(node));
        }
        return value;
    }

    private boolean isList() {
        return ValueType.isList(component.getGenericType());
    }

    private boolean isMap() {
        return ValueType.isMap(component.getGenericType());
    }

    private static String bare(SpecNode node) {
        return node instanceof SpecNode.Scalar scalar ? scalar.value() : node.found();
    }

    private static String plain(double bound) {
        return BigDecimal.valueOf(bound).stripTrailingZeros().toPlainString();
    }
}
