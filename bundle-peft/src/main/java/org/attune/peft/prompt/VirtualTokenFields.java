package org.attune.peft.prompt;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.attune.model.AttachPoint;
import org.attune.model.Model;
import org.attune.peft.PeftConfig;

/** What PEFT's configurations of methods with virtual tokens have in common. */
final class VirtualTokenFields {
    /** Beside the number: the sizes of the model, which the shapes of the tensors state too. */
    private static final Set<String> FIELDS = Set.of(
            "num_virtual_tokens", "num_transformer_submodules", "num_layers", "num_attention_heads", "token_dim");

    private VirtualTokenFields() {}

    /** @param width of what stands for a token */
    static void write(Map<String, Object> config, int number, int width, Model model) {
        List<AttachPoint> layers = model.attachPoints().stream()
                .filter(point -> point.kind() == AttachPoint.Kind.ATTENTION)
                .toList();
        config.put("num_virtual_tokens", number);
        config.put("num_transformer_submodules", 1);
        config.put("num_layers", layers.size());
        config.put("num_attention_heads", layers.get(0).in());
        config.put("token_dim", width);
    }

    /** Of the embedding of tokens. */
    static int width(Model model) {
        return model.attachPoints().stream()
                .filter(point -> point.kind() == AttachPoint.Kind.EMBEDDING)
                .findFirst()
                .orElseThrow()
                .out();
    }

    /**
     * @param own fields of the method itself
     * @return how many virtual tokens
     */
    static int read(PeftConfig config, Set<String> own) {
        Set<String> known = new HashSet<>(FIELDS);
        known.addAll(own);
        config.refuseAllBut(known);
        if (!PeftConfig.isOff(config.value("num_transformer_submodules"))
                && config.whole("num_transformer_submodules", 1, 1) != 1) {
            throw config.unsupported("num_transformer_submodules=" + config.value("num_transformer_submodules"));
        }
        List<String> others = config.selection().modulesToSave();
        if (!others.isEmpty()) {
            throw config.unsupported("modules_to_save=" + others);
        }
        return config.whole("num_virtual_tokens", 0, 1);
    }
}
