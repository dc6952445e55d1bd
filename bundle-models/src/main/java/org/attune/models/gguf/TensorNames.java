package org.attune.models.gguf;

import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * GGUF's names of modules, and Hugging Face's.
 *
 * @param layers Hugging Face's path of the layers
 * @param inLayer modules of a layer: GGUF's {@code attn_q} to Hugging Face's {@code self_attn.q_proj}
 * @param others modules outside layers
 */
record TensorNames(String layers, Map<String, String> inLayer, Map<String, String> others) {
    private static final Pattern IN_LAYER = Pattern.compile("blk\\.(\\d+)\\.(.+)(\\.weight|\\.bias)");
    private static final Pattern OTHER = Pattern.compile("(.+)(\\.weight|\\.bias)");
    private static final Pattern NUMBERED = Pattern.compile("(\\d+)\\.(.+)");

    /** Hugging Face's name of a tensor; its own where there is none. */
    String huggingFace(String name) {
        Matcher layer = IN_LAYER.matcher(name);
        if (layer.matches()) {
            String module = inLayer.get(layer.group(2));
            return module == null ? name : layers + "." + layer.group(1) + "." + module + layer.group(3);
        }
        Matcher other = OTHER.matcher(name);
        String module = other.matches() ? others.get(other.group(1)) : null;
        return module == null ? name : module + other.group(2);
    }

    /** GGUF's name of a weight of Hugging Face's; empty where it has none. */
    Optional<String> gguf(String weight) {
        Matcher parameter = OTHER.matcher(weight);
        if (!parameter.matches()) {
            return Optional.empty();
        }
        String module = parameter.group(1);
        String end = parameter.group(2);
        if (!module.startsWith(layers + ".")) {
            return key(others, module).map(name -> name + end);
        }
        Matcher layer = NUMBERED.matcher(module.substring(layers.length() + 1));
        return layer.matches()
                ? key(inLayer, layer.group(2)).map(name -> "blk." + layer.group(1) + "." + name + end)
                : Optional.empty();
    }

    private static Optional<String> key(Map<String, String> names, String value) {
        return names.entrySet().stream()
                .filter(name -> name.getValue().equals(value))
                .map(Map.Entry::getKey)
                .findFirst();
    }
}
