package org.attune.models.gguf;

import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import org.attune.models.ModelConfig;
import org.attune.plugin.UserError;

/**
 * How models of a family are written as GGUF.
 *
 * @param name GGUF's for the architecture
 * @param reading what the file is read as
 * @param interleaved whether the rows of query and key maps stand in the order of interleaved rotary pairs
 * @param keys writes what a config.json says
 */
record GgufLayout(String name, GgufArchitecture reading, boolean interleaved, GgufKeys keys) {
    static final String TOKENS = "token_embd.weight";
    static final String POSITIONS = "position_embd.weight";

    private static final Map<String, GgufLayout> BY_FAMILY = new TreeMap<>(Map.of(
            "llama", new GgufLayout("llama", new GatedGguf.Llama(), true, GgufKeys::llama),
            "mistral", new GgufLayout("llama", new GatedGguf.Llama(), true, GgufKeys::llama),
            "qwen2", new GgufLayout("qwen2", new GatedGguf.Qwen2(), false, GgufKeys::qwen2),
            "qwen3", new GgufLayout("qwen3", new GatedGguf.Qwen3(), false, GgufKeys::qwen3),
            "gemma2", new GgufLayout("gemma2", new GatedGguf.Gemma2(), false, GgufKeys::gemma2),
            "gemma3_text", new GgufLayout("gemma3", new GatedGguf.Gemma3(), false, GgufKeys::gemma3),
            "gpt2", new GgufLayout("gpt2", new Gpt2Gguf(), false, GgufKeys::gpt2)));

    /** @throws UserError if there is none for the family */
    static GgufLayout of(String family) {
        GgufLayout layout = BY_FAMILY.get(family);
        if (layout == null) {
            throw new UserError("models of the family " + family + " are not written as GGUF; those of "
                    + String.join(", ", BY_FAMILY.keySet()) + " are");
        }
        return layout;
    }

    /** How many heads a tensor's rows belong to, if they have to be interleaved; else 0. */
    int interleavedHeads(String tensor, ModelConfig config) {
        Matcher turned = GatedGguf.Llama.TURNED.matcher(tensor);
        if (!interleaved || !turned.matches()) {
            return 0;
        }
        int queries = config.size("num_attention_heads");
        return turned.group(1).equals("q") ? queries : config.size("num_key_value_heads", queries);
    }
}
