package org.attune.models;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.attune.tensor.Shape;
import org.attune.tensor.io.HostTensor;
import org.attune.tensor.io.TensorFiles;

/** A decoder of 8 tokens, 8 wide, of two layers, as a Hugging Face folder that a test may spoil before it is written. */
public final class TinyDecoder {
    static final String TOKENIZER = """
            {"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"},
             "post_processor": null, "decoder": null,
             "model": {"type": "WordLevel", "unk_token": "a", "vocab": {"a": 0, "b": 1, "c": 2, "d": 3}}}
            """;

    private String config;
    /** The content of model.safetensors. */
    public final Map<String, HostTensor> weights = new LinkedHashMap<>();

    private final SplittableRandom random = new SplittableRandom(1);

    private TinyDecoder(String config) {
        this.config = config;
        Modules modules = architecture().modules();
        modules.weights().forEach((name, shape) -> {
            boolean turned = modules.transposedInFiles(name);
            put(name, turned ? new int[] {shape.dim(1), shape.dim(0)} : shape.dims());
        });
    }

    /** Two query heads of 4 share one key head. */
    public static TinyDecoder llama() {
        return gated("llama");
    }

    /** Of the same sizes as {@link #llama}. */
    public static TinyDecoder gated(String family) {
        return gated(family, "");
    }

    /** @param more keys with values, each followed by a comma */
    private static TinyDecoder gated(String family, String more) {
        return new TinyDecoder("""
                {%s"model_type": "%s", "vocab_size": 8, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
                 "num_key_value_heads": 1, "intermediate_size": 6, "max_position_embeddings": 16, "rms_norm_eps": 1e-6,
                 "hidden_act": "silu", "rope_theta": 10000.0, "rope_scaling": null, "tie_word_embeddings": false}
                """.formatted(more, family));
    }

    /** With heads of 6 in the place of 4. */
    public static TinyDecoder qwen3() {
        return gated("qwen3", "\"head_dim\": 6, ");
    }

    /** Of the same sizes as {@link #llama}; tokens see two of three. */
    public static TinyDecoder gemma(String family) {
        return gated(family, """
                "head_dim": 4, "hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 6, "sliding_window": 2,
                "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0,""");
    }

    public static TinyDecoder gpt2() {
        return new TinyDecoder("""
                {"model_type": "gpt2", "vocab_size": 8, "n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 16,
                 "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new", "embd_pdrop": 0.1, "resid_pdrop": 0.2,
                 "attn_pdrop": 0.0}
                """);
    }

    public Architecture architecture() {
        return Families.read(ModelConfig.parse("config.json", config.getBytes(StandardCharsets.UTF_8)));
    }

    /** Adds or replaces a tensor of random elements. */
    public TinyDecoder put(String name, int... dims) {
        Shape shape = Shape.of(dims);
        float[] elements = new float[(int) shape.size()];
        for (int i = 0; i < elements.length; i++) {
            elements[i] = (float) random.nextDouble() - 0.5f;
        }
        weights.put(name, HostTensor.of(shape, elements));
        return this;
    }

    /** Renames every tensor whose name begins with {@code from}; the order stays. */
    public TinyDecoder rename(String from, String to) {
        Map<String, HostTensor> renamed = new LinkedHashMap<>();
        weights.forEach((name, tensor) ->
                renamed.put(name.startsWith(from) ? to + name.substring(from.length()) : name, tensor));
        weights.clear();
        weights.putAll(renamed);
        return this;
    }

    public TinyDecoder configure(String from, String to) {
        if (!config.contains(from)) {
            throw new IllegalArgumentException("no " + from + " in the configuration");
        }
        config = config.replace(from, to);
        return this;
    }

    /** Adds keys to the configuration. */
    public TinyDecoder with(String keys) {
        return configure("{\"model_type\"", "{" + keys + ", \"model_type\"");
    }

    public Path write(Path folder) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("config.json"), config);
        Files.writeString(folder.resolve("tokenizer.json"), TOKENIZER);
        TensorFiles.write(folder.resolve("model.safetensors"), weights, Map.of());
        return folder;
    }
}
