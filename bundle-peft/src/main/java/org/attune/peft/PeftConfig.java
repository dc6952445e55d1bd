package org.attune.peft;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.attune.model.Model;
import org.attune.training.Adapter.UnsupportedMethod;

/**
 * The fields of an {@code adapter_config.json}. PEFT has dozens for each method, and its next version will have more. A field
 * that is not known here may change the computation, so it is refused unless it is switched off (null, false or empty): a wrong
 * reading would look like a worse model.
 *
 * @param method the adapter's name, for errors
 */
public record PeftConfig(String method, Map<String, Object> fields) {
    /** Heads for classes, which the trainer makes; PEFT names both whether or not the model has them. */
    private static final Set<String> HEADS = Set.of("classifier", "score");

    /** Fields that may have any value and change nothing here, for the reason beside them. */
    private static final Set<String> HARMLESS = Set.of(
            "peft_type", // how the format was found
            "peft_version",
            "auto_mapping",
            "base_model_name_or_path", // which base and which head: the kernel's business
            "revision",
            "task_type",
            "inference_mode",
            "fan_in_fan_out"); // how the base's weight is stored, which is the model family's business

    private static final Set<String> SELECTION =
            Set.of("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "modules_to_save");

    /**
     * Refuses what is neither switched off nor one of the fields of every method.
     *
     * @param read what the method itself reads, or need not
     */
    public void refuseAllBut(Set<String> read) {
        Map<String, Object> refused = new TreeMap<>(fields);
        refused.keySet().removeAll(read);
        refused.keySet().removeAll(HARMLESS);
        refused.keySet().removeAll(SELECTION);
        refused.values().removeIf(PeftConfig::isOff);
        if (!refused.isEmpty()) {
            throw unsupported(refused.entrySet().stream()
                    .map(f -> f.getKey() + "=" + f.getValue())
                    .collect(Collectors.joining(", ")));
        }
    }

    public Object value(String field) {
        return fields.get(field);
    }

    public boolean is(String field) {
        return Boolean.TRUE.equals(fields.get(field));
    }

    public double number(String field, double otherwise) {
        Object value = fields.getOrDefault(field, otherwise);
        if (value instanceof Number n) {
            return n.doubleValue();
        }
        throw unsupported(field + "=" + value + " (not a number)");
    }

    /** A whole number from {@code least} on. */
    public int whole(String field, int otherwise, int least) {
        double value = number(field, otherwise);
        if (value != Math.rint(value) || value < least || value > Integer.MAX_VALUE) {
            throw unsupported(field + "=" + fields.get(field));
        }
        return (int) value;
    }

    /** Numbers by pattern, in the order written. */
    Map<String, Double> numbers(String field) {
        Map<String, Double> values = new LinkedHashMap<>();
        if (fields.get(field) instanceof Map<?, ?> map) {
            map.forEach((regex, value) -> {
                if (!(value instanceof Number n)) {
                    throw unsupported(field + "=" + map + " (not all numbers)");
                }
                values.put(String.valueOf(regex), n.doubleValue());
            });
        } else if (!isOff(fields.get(field))) {
            throw unsupported(field + "=" + fields.get(field) + " (not a mapping)");
        }
        return values;
    }

    public List<String> list(String field) {
        Object value = fields.get(field);
        return value instanceof List<?> list
                ? list.stream().map(String::valueOf).toList()
                : isOff(value) ? List.of() : List.of(String.valueOf(value));
    }

    /** Names of a list, or a regular expression, which has to fit the whole path even if it looks like the end of one. */
    List<String> names(String field) {
        if (fields.get(field) instanceof String text
                && !text.equals("all-linear")
                && Targets.PATH.matcher(text).matches()) {
            return List.of("(?:" + text + ")");
        }
        return list(field);
    }

    /** At least one name. */
    List<String> targets() {
        List<String> targets = names("target_modules");
        if (targets.isEmpty()) {
            throw unsupported("target_modules=" + fields.get("target_modules") + " (no modules are named)");
        }
        return targets;
    }

    public Selection selection() {
        return new Selection(
                names("exclude_modules"),
                wholes("layers_to_transform"),
                list("layers_pattern"),
                list("modules_to_save").stream()
                        .filter(module -> !HEADS.contains(module))
                        .distinct()
                        .toList());
    }

    /** Whole numbers from 0 on: a list of them, or one. */
    public List<Integer> wholes(String field) {
        Object value = fields.get(field);
        List<?> numbers = value instanceof List<?> several ? several : value == null ? List.of() : List.of(value);
        return numbers.stream()
                .map(each -> {
                    if (each instanceof Integer number && number >= 0) {
                        return number;
                    }
                    throw unsupported(field + "=" + value);
                })
                .toList();
    }

    /** Refuses numbers other than 0: dropouts that a method here does not have. */
    public void refuseDropouts(String... names) {
        for (String name : names) {
            if (number(name, 0) != 0) {
                throw unsupported(name + "=" + fields.get(name));
            }
        }
    }

    /** For methods that train no bias beside. */
    void refuseBias() {
        Object bias = fields.get("bias");
        if (!isOff(bias) && !bias.equals("none")) {
            throw unsupported("bias=" + bias);
        }
    }

    public UnsupportedMethod unsupported(String what) {
        return new UnsupportedMethod(
                "adapter_config.json has " + what + ", which the adapter " + method + " does not support");
    }

    public static boolean isOff(Object value) {
        return value == null
                || value.equals(false)
                || value.equals("")
                || value instanceof Collection<?> c && c.isEmpty()
                || value instanceof Map<?, ?> m && m.isEmpty();
    }

    // ---- the other way ----

    static void write(Map<String, Object> config, List<String> targets, Selection selection, Model model) {
        config.put("target_modules", written(model.linearNames().resolve(targets)));
        config.put("exclude_modules", selection.exclude().isEmpty() ? null : written(selection.exclude()));
        config.put("layers_to_transform", selection.layers().isEmpty() ? null : selection.layers());
        config.put("layers_pattern", selection.layersPattern().isEmpty() ? null : selection.layersPattern());
        config.put("modules_to_save", selection.modulesToSave().isEmpty() ? null : selection.modulesToSave());
    }

    /** PEFT takes a list as paths or their ends, and a text as one regular expression, but for {@code all-linear}. */
    static Object written(List<String> names) {
        return names.equals(List.of("all-linear")) || Targets.isPattern(names) ? names.get(0) : names;
    }

    /** A whole number without a fraction: PEFT declares some ints. */
    public static Number written(double value) {
        if (value == Math.rint(value) && Math.abs(value) <= Integer.MAX_VALUE) {
            return (int) value;
        }
        return value;
    }
}
