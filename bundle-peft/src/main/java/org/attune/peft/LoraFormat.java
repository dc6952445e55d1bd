package org.attune.peft;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.attune.training.Adapter.PeftFormat;
import org.attune.training.Adapter.UnsupportedMethod;

/**
 * LoRA in {@code adapter_config.json}. PEFT has about forty fields there, and its next version will have more. A field that
 * is not known here may change the computation, so it is refused unless it is switched off (null, false or empty): a wrong
 * reading would look like a worse model.
 */
final class LoraFormat implements PeftFormat<LoraOptions> {
    private static final Set<String> READ = Set.of("r", "lora_alpha", "lora_dropout", "use_rslora", "target_modules");

    /** Fields that may have any value and change nothing here, for the reason beside them. */
    private static final Set<String> HARMLESS = Set.of(
            "peft_type", // how this format was found
            "peft_version",
            "auto_mapping",
            "base_model_name_or_path", // which base and which head: the kernel's business
            "revision",
            "task_type",
            "modules_to_save",
            "inference_mode",
            "fan_in_fan_out", // how the base's weight is stored, which is the model family's business
            "megatron_core", // settings of variants that other fields switch on
            "qalora_group_size");

    /** First values of A and B that leave the base's weights alone: what was trained is in the file anyway. */
    private static final Set<Object> PLAIN_STARTS = Set.of(true, false, "true", "false", "gaussian");

    /** A module path or its end; anything else in a pattern is a regular expression. */
    private static final Pattern PATH = Pattern.compile("[\\w.-]+");

    @Override
    public String type() {
        return "LORA";
    }

    @Override
    public Map<String, Object> write(LoraOptions options) {
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("r", options.rank());
        config.put("lora_alpha", number(options.alpha()));
        config.put("lora_dropout", options.dropout());
        config.put("target_modules", writeTargets(options.targets()));
        config.put("use_rslora", options.rslora());
        config.put("use_dora", false);
        config.put("bias", "none");
        config.put("fan_in_fan_out", false);
        config.put("init_lora_weights", true);
        config.put("rank_pattern", Map.of());
        config.put("alpha_pattern", Map.of());
        config.put("exclude_modules", null);
        config.put("layers_to_transform", null);
        config.put("layers_pattern", null);
        config.put("layer_replication", null);
        return config;
    }

    /** A whole number without a fraction: PEFT declares lora_alpha an int. */
    private static Number number(double value) {
        if (value == Math.rint(value) && Math.abs(value) <= Integer.MAX_VALUE) {
            return (int) value;
        }
        return value;
    }

    /** PEFT takes a list as paths or their ends, and a text as one regular expression, but for {@code all-linear}. */
    private static Object writeTargets(List<String> targets) {
        boolean pattern = targets.size() == 1
                && (targets.get(0).equals("all-linear")
                        || !PATH.matcher(targets.get(0)).matches());
        return pattern ? targets.get(0) : targets;
    }

    @Override
    public LoraOptions read(Map<String, Object> config) {
        refuseUnknown(config);
        int rank = (int) number(config, "r", 8);
        if (rank < 1) {
            throw unsupported("r=" + config.get("r"));
        }
        return new LoraOptions(
                rank,
                number(config, "lora_alpha", 8), // PEFT's defaults, not ours
                number(config, "lora_dropout", 0),
                readTargets(config.get("target_modules")),
                Boolean.TRUE.equals(config.get("use_rslora")));
    }

    private static void refuseUnknown(Map<String, Object> config) {
        Map<String, Object> refused = new TreeMap<>(config);
        refused.keySet().removeAll(READ);
        refused.keySet().removeAll(HARMLESS);
        refused.entrySet().removeIf(field -> switch (field.getKey()) {
            case "bias" -> isOff(field.getValue()) || field.getValue().equals("none");
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

    private static List<String> readTargets(Object value) {
        if (value instanceof List<?> list && !list.isEmpty()) {
            return list.stream().map(String::valueOf).toList();
        }
        if (value instanceof String text && !text.isEmpty()) {
            // A regular expression of letters alone must match the whole path, and must not be taken for the end of
            // one.
            boolean looksLikePath =
                    !text.equals("all-linear") && PATH.matcher(text).matches();
            return List.of(looksLikePath ? "(?:" + text + ")" : text);
        }
        throw unsupported("target_modules=" + value + " (no modules are named)");
    }

    private static UnsupportedMethod unsupported(String what) {
        return new UnsupportedMethod("adapter_config.json has " + what + ", which the adapter lora does not support");
    }
}
