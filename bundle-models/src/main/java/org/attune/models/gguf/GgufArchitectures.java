package org.attune.models.gguf;

import java.util.Map;
import java.util.TreeMap;

/** The architectures of GGUF files that can be read, by the names that files give them. */
final class GgufArchitectures {
    private static final Map<String, GgufArchitecture> BY_NAME = new TreeMap<>(Map.of(
            "gemma2", new GatedGguf.Gemma2(),
            "gemma3", new GatedGguf.Gemma3(),
            "gpt2", new Gpt2Gguf(),
            "llama", new GatedGguf.Llama(),
            "qwen2", new GatedGguf.Qwen2(),
            "qwen3", new GatedGguf.Qwen3()));

    private GgufArchitectures() {}

    /** @throws org.attune.plugin.UserError if a file says that it is of none */
    static GgufArchitecture of(GgufMetadata metadata) {
        GgufArchitecture architecture = BY_NAME.get(metadata.text(GgufArchitecture.KEY));
        if (architecture == null) {
            throw metadata.invalid(
                    GgufArchitecture.KEY, "one of the supported: " + String.join(", ", BY_NAME.keySet()));
        }
        return architecture;
    }
}
