package org.attune.peft;

import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.attune.model.Model;
import org.attune.training.Adapter.PeftFormat;
import org.attune.training.Adapter.UnsupportedMethod;

/**
 * LoRA in {@code adapter_config.json}. PEFT has about forty fields there, and its next version will have more. A field that
 * is not known here may change the computation, so it is refused unless it is switched off (null, false or empty): a wrong
 * reading would look like a worse model.
 */
final class LoraFormat implements PeftFormat<LoraOptions> {
    private static final Set<String> READ = Set.of(
            "r",
            "lora_alpha",
            "lora_dropout",
            "use_rslora",
            "target_modules",
            "exclude_modules",
            "layers_to_transform",
            "layers_pattern",
            "rank_pattern",
            "alpha_pattern",
            "bias",
            "modules_to_save");

    /** Heads for classes, which the trainer makes; PEFT names both whether or not the model has them. */
    private static final Set<String> HEADS = Set.of("classifier", "score");

    /** Fields that may have any value and change nothing here, for the reason beside them. */
    private static final Set<String> HARMLESS = Set.of(
            "peft_type", // how this format was found
            "peft_version",
            "auto_mapping",
            "base_model_name_or_path", // which base and which head: the kernel's business
            "revision",
            "task_type",
            "inference_mode",
            "fan_in_fan_out", // how the base's weight is stored, which is the model family's business
            "megatron_core", // settings of variants that other fields switch on
            "qalora_group_size");

    /** First values of A and B that leave the base's weights alone: what was trained is in the file anyway. */
    private static final Set<Object> PLAIN_STARTS = Set.of(true, false, "true", "false", "gaussian");

    @Override
    public String type() {
        return "LORA";
    }

    @Override
    public Map<String, Object> write(LoraOptions options, Model model) {
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("r", options.rank());
        config.put("lora_alpha", number(options.alpha()));
        config.put("lora_dropout", options.dropout());
        config.put("target_modules", writeNames(options.targets()));
        config.put("use_rslora", options.rslora());
        config.put("use_dora", false);
        config.put("bias", options.bias().name().toLowerCase(Locale.ROOT));
        config.put("fan_in_fan_out", model.weights().keySet().stream().anyMatch(model::transposedInFiles));
        config.put("init_lora_weights", true);
        config.put("rank_pattern", options.rankPattern());
        config.put("alpha_pattern", numbers(options.alphaPattern()));
        config.put("exclude_modules", options.exclude().isEmpty() ? null : writeNames(options.exclude()));
        config.put("layers_to_transform", options.layers().isEmpty() ? null : options.layers());
        config.put("layers_pattern", options.layersPattern().isEmpty() ? null : options.layersPattern());
        config.put("layer_replication", null);
        config.put("modules_to_save", options.modulesToSave().isEmpty() ? null : options.modulesToSave());
        return config;
    }

    private static Map<String, Number> numbers(Map<String, Double> values) {
        Map<String, Number> numbers = new LinkedHashMap<>(); // the order counts: the first pattern that fits
        values.forEach((pattern, value) -> numbers.put(pattern, number(value)));
        return numbers;
    }

    /** A whole number without a fraction: PEFT declares lora_alpha an int. */
    private static Number number(double value) {
        if (value == Math.rint(value) && Math.abs(value) <= Integer.MAX_VALUE) {
            return (int) value;
        }
        return value;
    }

    /** PEFT takes a list as paths or their ends, and a text as one regular expression, but for {@code all-linear}. */
    private static Object writeNames(List<String> names) {
        return names.equals(List.of("all-linear")) || LoraOptions.isPattern(names) ? names.get(0) : names;
    }

    @Override
    public LoraOptions read(Map<String, Object> config) {
        refuseUnknown(config);
        int rank = (int) number(config, "r", 8);
        if (rank < 1) {
            throw unsupported("r=" + config.get("r"));
        }
        Map<String, Integer> ranks = new LinkedHashMap<>();
        pattern(config, "rank_pattern").forEach((regex, value) -> {
            if (value < 1 || value != Math.rint(value)) {
                throw unsupported("rank_pattern=" + config.get("rank_pattern"));
            }
            ranks.put(regex, value.intValue());
        });
        List<String> targets = readNames(config.get("target_modules"));
        if (targets.isEmpty()) {
            throw unsupported("target_modules=" + config.get("target_modules") + " (no modules are named)");
        }
        return new LoraOptions(
                rank,
                number(config, "lora_alpha", 8), // PEFT's defaults, not ours
                number(config, "lora_dropout", 0),
                targets,
                Boolean.TRUE.equals(config.get("use_rslora")),
                readNames(config.get("exclude_modules")),
                layers(config),
                list(config.get("layers_pattern")),
                ranks,
                pattern(config, "alpha_pattern"),
                bias(config.get("bias")),
                list(config.get("modules_to_save")).stream()
                        .filter(module -> !HEADS.contains(module))
                        .distinct()
                        .toList());
    }

    private static void refuseUnknown(Map<String, Object> config) {
        Map<String, Object> refused = new TreeMap<>(config);
        refused.keySet().removeAll(READ);
        refused.keySet().removeAll(HARMLESS);
        refused.entrySet().removeIf(field -> switch (field.getKey()) {
            case "init_lora_weights" -> isOff(field.getValue()) || PLAIN_STARTS.contains(field.getValue());
            default -> isOff(field.getValue());
        });
        if (!refused.isEmpty()) {
            throw unsupported(refused.entrySet().stream()
                    .map(f -> f.getKey() + "=" + f.getValue())
                    .collect(Collectors.joining(", ")));
        }
    }

    private static boolean isOff(Object value) {
        return value == null
                || value.equals(false)
                || value.equals("")
                || value instanceof Collection<?> c && c.isEmpty()
                || value instanceof Map<?, ?> m && m.isEmpty();
    }

    private static double number(Map<String, Object> config, String field, double otherwise) {
        Object value = config.getOrDefault(field, otherwise);
        if (value instanceof Number n) {
            return n.doubleValue();
        }
        throw unsupported(field + "=" + value + " (not a number)");
    }

    private static Map<String, Double> pattern(Map<String, Object> config, String field) {
        Map<String, Double> values = new LinkedHashMap<>();
        if (config.get(field) instanceof Map<?, ?> map) {
            map.forEach((regex, value) -> {
                if (!(value instanceof Number n)) {
                    throw unsupported(field + "=" + map + " (not all numbers)");
                }
                values.put(String.valueOf(regex), n.doubleValue());
            });
        } else if (!isOff(config.get(field))) {
            throw unsupported(field + "=" + config.get(field) + " (not a mapping)");
        }
        return values;
    }

    private static LoraOptions.Bias bias(Object value) {
        if (isOff(value)) {
            return LoraOptions.Bias.NONE;
        }
        return Arrays.stream(LoraOptions.Bias.values())
                .filter(b -> b.name().toLowerCase(Locale.ROOT).equals(value))
                .findFirst()
                .orElseThrow(() -> unsupported("bias=" + value));
    }

    private static List<Integer> layers(Map<String, Object> config) {
        Object value = config.get("layers_to_transform");
        List<?> layers = value instanceof List<?> several ? several : value == null ? List.of() : List.of(value);
        return layers.stream()
                .map(layer -> {
                    if (layer instanceof Integer number && number >= 0) {
                        return number;
                    }
                    throw unsupported("layers_to_transform=" + value);
                })
                .toList();
    }

    private static List<String> list(Object value) {
        return value instanceof List<?> list
                ? list.stream().map(String::valueOf).toList()
                : isOff(value) ? List.of() : List.of(String.valueOf(value));
    }

    /** Names of a list, or a regular expression, which has to fit the whole path even if it looks like the end of one. */
    private static List<String> readNames(Object value) {
        if (value instanceof String text
                && !text.equals("all-linear")
                && LoraOptions.PATH.matcher(text).matches()) {
            return List.of("(?:" + text + ")");
        }
        return list(value);
    }

    private static UnsupportedMethod unsupported(String what) {
        return new UnsupportedMethod("adapter_config.json has " + what + ", which the adapter lora does not support");
    }
}
