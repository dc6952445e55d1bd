package org.attune.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.attune.tensor.Shape;
import org.attune.tensor.io.HostTensor;
import org.attune.tensor.io.TensorFiles;

/** A folder with all that a small trial needs: a BERT of two layers, 32 wide, with random weights; texts that it can learn; a spec. */
final class Lab {
    /** Steps of the spec as written. */
    static final int STEPS = 60;

    private static final List<String> ANIMALS = List.of("cat", "dog", "horse", "mouse", "bird", "fish");
    private static final List<String> PLANTS = List.of("oak", "rose", "fern", "moss", "grass", "pine");
    private static final List<String> TOOLS = List.of("saw", "axe", "drill", "plane", "spade", "rake");
    private static final List<String> OTHERS = List.of("the", "a", "and", "big", "small", "old", "new", "of", "in");

    private static final int WIDTH = 32;
    private static final int INNER = 64;
    private static final int LAYERS = 2;
    private static final Pattern LOSS = Pattern.compile("\"step\":(\\d+),\"loss\":([^,}]+)");

    private final Path folder;

    /** Writes what is not there yet. */
    Lab(Path folder) {
        this.folder = folder;
        try {
            Files.createDirectories(folder);
            Files.writeString(folder.resolve("train.jsonl"), examples(96, 1));
            Files.writeString(folder.resolve("test.jsonl"), examples(48, 2));
            Files.writeString(folder.resolve("tiny.yaml"), spec());
            model(folder.resolve("model"));
            llama(folder.resolve("llama"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Path folder() {
        return folder;
    }

    /** Sixty steps of LoRA without an evaluation. */
    Path specFile() {
        return folder.resolve("tiny.yaml");
    }

    private String spec() {
        return """
                name: tiny
                seed: 1
                threads: 2
                engine: cpu
                model: model
                data: {name: jsonl, train: train.jsonl, test: test.jsonl}
                trainer: {name: classification, max_length: 24, dropout: 0.1}
                adapters: [{name: lora, rank: 4, alpha: 8, targets: [query, value]}]
                optimizer: {lr: 5e-3}
                schedule: {name: linear, warmup: 0.1}
                train: {epochs: 5, batch: 8}
                evaluate: {split: test, metrics: []}
                checkpoint: {every: 7}
                output: %s
                """.formatted(folder.resolve("runs"));
    }

    private static String examples(int count, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<String> names = List.of("animal", "plant", "tool");
        List<List<String>> words = List.of(ANIMALS, PLANTS, TOOLS);
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < count; i++) {
            int topic = random.nextInt(3);
            StringBuilder text = new StringBuilder();
            int length = random.nextInt(3, 12);
            for (int w = 0; w < length; w++) {
                List<String> from = w == 0 || random.nextInt(2) == 0 ? words.get(topic) : OTHERS;
                text.append(from.get(random.nextInt(from.size()))).append(' ');
            }
            lines.append("{\"text\": \"%s\", \"label\": \"%s\"}\n"
                    .formatted(text.toString().strip(), names.get(topic)));
        }
        return lines.toString();
    }

    private static void model(Path to) throws IOException {
        StringBuilder vocabulary =
                new StringBuilder("\"[PAD]\": 0, \"[UNK]\": 1, \"[CLS]\": 2, \"[SEP]\": 3, \"[MASK]\": 4");
        int size = 5;
        for (List<String> words : List.of(ANIMALS, PLANTS, TOOLS, OTHERS)) {
            for (String word : words) {
                vocabulary.append(", \"%s\": %d".formatted(word, size++));
            }
        }
        Files.createDirectories(to);
        Files.writeString(to.resolve("config.json"), """
                {"model_type": "bert", "vocab_size": %d, "hidden_size": %d, "num_hidden_layers": %d,
                 "num_attention_heads": 4, "intermediate_size": %d, "max_position_embeddings": 32, "type_vocab_size": 2,
                 "layer_norm_eps": 1e-12, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
                 "attention_probs_dropout_prob": 0.0}
                """.formatted(size, WIDTH, LAYERS, INNER));
        Files.writeString(to.resolve("tokenizer.json"), TOKENIZER.formatted(vocabulary));
        TensorFiles.write(to.resolve("model.safetensors"), weights(size), Map.of());
    }

    /** The same texts for a Llama of two layers, with the words of the vocabulary. */
    private static void llama(Path to) throws IOException {
        StringBuilder vocabulary = new StringBuilder("\"<unk>\": 0, \"</s>\": 1");
        int size = 2;
        for (List<String> words : List.of(ANIMALS, PLANTS, TOOLS, OTHERS)) {
            for (String word : words) {
                vocabulary.append(", \"%s\": %d".formatted(word, size++));
            }
        }
        Files.createDirectories(to);
        Files.writeString(to.resolve("config.json"), """
                {"model_type": "llama", "vocab_size": %d, "hidden_size": %d, "num_hidden_layers": %d,
                 "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "intermediate_size": %d,
                 "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "rope_theta": 100, "hidden_act": "silu",
                 "tie_word_embeddings": false, "eos_token_id": 1}
                """.formatted(size, WIDTH, LAYERS, INNER));
        Files.writeString(to.resolve("tokenizer.json"), """
                {"version": "1.0", "added_tokens": [], "normalizer": null,
                 "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
                 "model": {"type": "WordLevel", "unk_token": "<unk>", "vocab": {%s}}}
                """.formatted(vocabulary));
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        SplittableRandom random = new SplittableRandom(8);
        put(weights, random, "model.embed_tokens.weight", 0, size, WIDTH);
        for (int i = 0; i < LAYERS; i++) {
            String layer = "model.layers." + i + ".";
            put(weights, random, layer + "input_layernorm.weight", 1, WIDTH);
            put(weights, random, layer + "self_attn.q_proj.weight", 0, WIDTH, WIDTH);
            put(weights, random, layer + "self_attn.k_proj.weight", 0, WIDTH / 2, WIDTH);
            put(weights, random, layer + "self_attn.v_proj.weight", 0, WIDTH / 2, WIDTH);
            put(weights, random, layer + "self_attn.o_proj.weight", 0, WIDTH, WIDTH);
            put(weights, random, layer + "post_attention_layernorm.weight", 1, WIDTH);
            put(weights, random, layer + "mlp.gate_proj.weight", 0, INNER, WIDTH);
            put(weights, random, layer + "mlp.up_proj.weight", 0, INNER, WIDTH);
            put(weights, random, layer + "mlp.down_proj.weight", 0, WIDTH, INNER);
        }
        put(weights, random, "model.norm.weight", 1, WIDTH);
        put(weights, random, "lm_head.weight", 0, size, WIDTH);
        TensorFiles.write(to.resolve("model.safetensors"), weights, Map.of());
    }

    /** What makes the spec one of a language model: trained on the same texts, LoRA at its own projections. */
    static Map<String, String> asLanguageModel() {
        return Map.of(
                "model", "llama",
                "trainer", "{name: causal-lm, max_length: 24}",
                "adapters", "[{name: lora, rank: 4, alpha: 8, targets: [q_proj, v_proj]}]");
    }

    private static final String TOKENIZER = """
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
               "max_input_chars_per_word": 100, "vocab": {%s}}}
            """;

    private static Map<String, HostTensor> weights(int vocabulary) {
        Map<String, HostTensor> weights = new LinkedHashMap<>();
        SplittableRandom random = new SplittableRandom(7);
        String embeddings = "bert.embeddings.";
        put(weights, random, embeddings + "word_embeddings.weight", 0, vocabulary, WIDTH);
        put(weights, random, embeddings + "position_embeddings.weight", 0, 32, WIDTH);
        put(weights, random, embeddings + "token_type_embeddings.weight", 0, 2, WIDTH);
        norm(weights, random, embeddings + "LayerNorm");
        for (int i = 0; i < LAYERS; i++) {
            String layer = "bert.encoder.layer." + i + ".";
            for (String map : List.of("query", "key", "value")) {
                linear(weights, random, layer + "attention.self." + map, WIDTH, WIDTH);
            }
            linear(weights, random, layer + "attention.output.dense", WIDTH, WIDTH);
            norm(weights, random, layer + "attention.output.LayerNorm");
            linear(weights, random, layer + "intermediate.dense", INNER, WIDTH);
            linear(weights, random, layer + "output.dense", WIDTH, INNER);
            norm(weights, random, layer + "output.LayerNorm");
        }
        linear(weights, random, "bert.pooler.dense", WIDTH, WIDTH);
        return weights;
    }

    private static void linear(Map<String, HostTensor> weights, SplittableRandom random, String path, int out, int in) {
        put(weights, random, path + ".weight", 0, out, in);
        put(weights, random, path + ".bias", 0, out);
    }

    private static void norm(Map<String, HostTensor> weights, SplittableRandom random, String path) {
        put(weights, random, path + ".weight", 1, WIDTH);
        put(weights, random, path + ".bias", 0, WIDTH);
    }

    private static void put(
            Map<String, HostTensor> weights, SplittableRandom random, String name, float mean, int... dims) {
        Shape shape = Shape.of(dims);
        float[] elements = new float[(int) shape.size()];
        for (int i = 0; i < elements.length; i++) {
            elements[i] = mean + 0.6f * ((float) random.nextDouble() - 0.5f);
        }
        weights.put(name, HostTensor.of(shape, elements));
    }

    /** The losses of a run as its journal spells them, so that two are equal where every bit is, by step from 1. */
    static List<String> losses(Path runFolder) {
        try {
            return Files.readAllLines(runFolder.resolve("metrics.jsonl")).stream()
                    .map(LOSS::matcher)
                    .filter(Matcher::find)
                    .map(m -> m.group(1) + ": " + m.group(2))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
