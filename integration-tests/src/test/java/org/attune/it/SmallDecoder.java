package org.attune.it;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.models.Families;
import org.attune.models.ModelConfig;
import org.attune.models.Modules;
import org.attune.models.source.FolderModelLoader;
import org.attune.tensor.DType;
import org.attune.tensor.Shape;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.io.HostTensor;
import org.attune.tensor.io.TensorFiles;

/** Decoders of two layers, 32 wide, over 11 tokens, with random weights; their text is numbers: "3 1 4". Token 10 ends a text. */
enum SmallDecoder {
    LLAMA("""
            {"model_type": "llama", "vocab_size": 11, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
             "num_key_value_heads": 2, "head_dim": 8, "intermediate_size": 48, "max_position_embeddings": 96,
             "rms_norm_eps": 1e-6, "rope_theta": 100, "hidden_act": "silu", "tie_word_embeddings": false, "eos_token_id": 10}
            """),
    GPT2("""
            {"model_type": "gpt2", "vocab_size": 11, "n_embd": 32, "n_head": 4, "n_layer": 2, "n_positions": 96,
             "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new", "embd_pdrop": 0.0, "resid_pdrop": 0.0,
             "attn_pdrop": 0.0, "eos_token_id": [10]}
            """);

    private static final String TOKENIZER = """
            {"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"},
             "post_processor": null, "decoder": null,
             "model": {"type": "WordLevel", "unk_token": "0", "vocab": {"0": 0, "1": 1, "2": 2, "3": 3, "4": 4, "5": 5, "6": 6,
             "7": 7, "8": 8, "9": 9, "end": 10}}}
            """;

    private final String config;

    SmallDecoder(String config) {
        this.config = config;
    }

    Model load(Path folder, TensorEngine engine, DType matrices) throws IOException {
        Files.writeString(folder.resolve("config.json"), config);
        Files.writeString(folder.resolve("tokenizer.json"), TOKENIZER);
        SplittableRandom random = new SplittableRandom(5);
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        Modules modules = Families.read(ModelConfig.parse("config.json", config.getBytes(StandardCharsets.UTF_8)))
                .modules();
        modules.weights().forEach((name, shape) -> {
            float[] elements = new float[(int) shape.size()];
            for (int i = 0; i < elements.length; i++) {
                elements[i] =
                        (float) (0.8 * random.nextDouble() - 0.4) + (name.matches(".*(norm|ln_\\w)\\.weight") ? 1 : 0);
            }
            Shape stored = modules.transposedInFiles(name) ? Shape.of(shape.dim(1), shape.dim(0)) : shape;
            weights.put(name, HostTensor.of(stored, elements));
        });
        TensorFiles.write(folder.resolve("model.safetensors"), weights, Map.of());
        return new FolderModelLoader()
                .load(folder.toString(), folder, engine, WeightForm.decoded(matrices))
                .orElseThrow();
    }
}
