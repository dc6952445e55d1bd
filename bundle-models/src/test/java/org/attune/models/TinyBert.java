package org.attune.models;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.attune.tensor.Shape;
import org.attune.tensor.io.HostTensor;
import org.attune.tensor.io.TensorFiles;

/** A BERT of 8 words, 4 wide, of one layer, as a Hugging Face folder that a test may spoil before it is written. */
public final class TinyBert {
    public static final String TOKENIZER = """
            {"version": "1.0",
             "added_tokens": [
               {"id": 0, "content": "[PAD]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
                "special": true},
               {"id": 2, "content": "[CLS]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
                "special": true},
               {"id": 3, "content": "[SEP]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
                "special": true}],
             "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
               "strip_accents": null, "lowercase": true},
             "pre_tokenizer": {"type": "BertPreTokenizer"},
             "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
             "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
             "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
               "max_input_chars_per_word": 100,
               "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "the": 5, "cat": 6, "sat": 7}}}
            """;

    /** The text of config.json. */
    public String config = """
            {"model_type": "bert", "vocab_size": 8, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2,
             "intermediate_size": 6, "max_position_embeddings": 16, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
             "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.0,
             "classifier_dropout": null, "is_decoder": false, "id2label": {"0": "A"}}
            """;

    /** The content of model.safetensors. */
    public final Map<String, HostTensor> weights = new LinkedHashMap<>();

    private final SplittableRandom random = new SplittableRandom(1);

    public TinyBert() {
        put("bert.embeddings.word_embeddings.weight", 8, 4);
        put("bert.embeddings.position_embeddings.weight", 16, 4);
        put("bert.embeddings.token_type_embeddings.weight", 2, 4);
        linear("bert.embeddings.LayerNorm", 4);
        layer("bert.encoder.layer.0");
        linear("bert.pooler.dense", 4, 4);
        linear("classifier", 3, 4);
    }

    private void layer(String layer) {
        linear(layer + ".attention.self.query", 4, 4);
        linear(layer + ".attention.self.key", 4, 4);
        linear(layer + ".attention.self.value", 4, 4);
        linear(layer + ".attention.output.dense", 4, 4);
        linear(layer + ".attention.output.LayerNorm", 4);
        linear(layer + ".intermediate.dense", 6, 4);
        linear(layer + ".output.dense", 4, 6);
        linear(layer + ".output.LayerNorm", 4);
    }

    /** With a second layer. */
    public TinyBert deeper() {
        layer("bert.encoder.layer.1");
        return configure("\"num_hidden_layers\": 1", "\"num_hidden_layers\": 2");
    }

    /** Adds or replaces a tensor of random elements. */
    public TinyBert put(String name, int... dims) {
        Shape shape = Shape.of(dims);
        float[] elements = new float[(int) shape.size()];
        for (int i = 0; i < elements.length; i++) {
            elements[i] = (float) random.nextDouble() - 0.5f;
        }
        weights.put(name, HostTensor.of(shape, elements));
        return this;
    }

    /** Renames every tensor whose name holds {@code from}; the order stays. */
    public TinyBert rename(String from, String to) {
        Map<String, HostTensor> renamed = new LinkedHashMap<>();
        weights.forEach((name, tensor) -> renamed.put(name.replace(from, to), tensor));
        weights.clear();
        weights.putAll(renamed);
        return this;
    }

    public TinyBert configure(String from, String to) {
        if (!config.contains(from)) {
            throw new IllegalArgumentException("no " + from + " in the configuration");
        }
        config = config.replace(from, to);
        return this;
    }

    public Path write(Path folder) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("config.json"), config);
        Files.writeString(folder.resolve("tokenizer.json"), TOKENIZER);
        TensorFiles.write(folder.resolve("model.safetensors"), weights, Map.of());
        return folder;
    }

    private void linear(String path, int... dims) {
        put(path + ".weight", dims);
        put(path + ".bias", dims[0]);
    }
}
