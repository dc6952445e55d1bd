package org.attune.models.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.StreamSupport;
import org.attune.model.LanguageHead;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.model.Weights;
import org.attune.models.PlainForward;
import org.attune.models.source.FolderModelLoader;
import org.attune.plugin.UserError;
import org.attune.tensor.Scope;
import org.attune.tensor.reference.ReferenceEngine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GgufModelTest {
    private final ReferenceEngine engine = new ReferenceEngine();

    @TempDir
    private Path folder;

    /** Expected: make_models.py beside the files. */
    @ParameterizedTest
    @ValueSource(strings = {"llama", "qwen2", "qwen3", "gpt2", "gemma2", "gemma3"})
    void idsAndLogitsEqualTransformers(String architecture) throws Exception {
        JsonNode expected =
                new ObjectMapper().readTree(resource("models.json").toFile()).get(architecture);
        long before = engine.stats().liveBytes();
        try (Model model = load(resource(architecture + ".gguf"))) {
            int[] ids = model.tokenizer().encode(expected.get("text").asText(), 64);
            assertThat(ids).containsExactly(ints(expected.get("ids")));
            assertThat(model.tokenizer().decode(ids))
                    .isEqualTo(expected.get("text").asText());
            double[] logits = Scope.inference(engine, () -> {
                PlainForward forward = new PlainForward(model, PlainForward.batch(ids));
                LanguageHead head = model.languageHead().orElseThrow();
                return head.logits(forward, model.encode(forward)).toDoubles();
            });
            double[] wanted = StreamSupport.stream(expected.get("last_logits").spliterator(), false)
                    .mapToDouble(JsonNode::asDouble)
                    .toArray();
            int vocabulary = logits.length / ids.length;
            // Rotary angles and, in the file, constants of normalisations are float32 on both sides.
            assertThat(Arrays.copyOfRange(
                            logits, logits.length - vocabulary, logits.length - vocabulary + wanted.length))
                    .containsExactly(wanted, within(1e-5));
            double mean = Arrays.stream(logits).map(x -> x * x).average().orElseThrow();
            assertThat(mean).isCloseTo(expected.get("mean_square").asDouble(), within(1e-5 * mean));
        }
        assertThat(engine.stats().liveBytes()).isEqualTo(before);
    }

    /** Rows of query and key are put in another order, as blocks too; the norms' weights are not in blocks. */
    @Test
    void matricesInBlocksHoldTheSameNumbers() throws Exception {
        Path path = resource("llama.gguf");
        try (Model decoded = load(path);
                Model kept = load(path, Weights.BLOCKS)) {
            assertThat(kept.fingerprint()).isEqualTo(decoded.fingerprint());
            assertThat(kept.weights().keySet())
                    .containsExactlyElementsOf(decoded.weights().keySet());
            decoded.weights()
                    .forEach((name, weight) -> assertThat(
                                    kept.weights().get(name).toDoubles())
                            .as(name)
                            .containsExactly(weight.toDoubles()));
        }
    }

    @Test
    void aModelWithoutBlocksThatCouldStayIsRefused() throws Exception {
        long before = engine.stats().liveBytes();
        Path path = resource("gpt2.gguf");
        assertThatThrownBy(() -> load(path, Weights.BLOCKS))
                .isInstanceOf(UserError.class)
                .hasMessage(
                        path + ": no matrix of this model lies in blocks that it could stay in (Q8_0, Q4_1 of a GGUF"
                                + " file); leave out weights: blocks");
        assertThat(engine.stats().liveBytes()).isEqualTo(before);
    }

    @Test
    void aFolderWithOneGgufFileIsThatModel() throws Exception {
        Files.copy(resource("llama.gguf"), folder.resolve("tiny-Q8_0.gguf"));
        try (Model named = load(folder.resolve("tiny-Q8_0.gguf"));
                Model found = load(folder)) {
            assertThat(found.family()).isEqualTo("llama");
            assertThat(found.fingerprint()).isEqualTo(named.fingerprint());
        }
        Files.copy(resource("llama.gguf"), folder.resolve("tiny-F16.gguf"));
        refused(
                folder,
                folder + ": several GGUF files; name one: " + folder.resolve("tiny-F16.gguf") + ", "
                        + folder.resolve("tiny-Q8_0.gguf"));
    }

    @Test
    void whatIsNotSupportedIsRefusedByName() throws Exception {
        refused(new GgufBytes(), "metadata has no general.architecture");
        refused(
                new GgufBytes().key("general.architecture", "mamba"),
                "general.architecture is mamba, expected one of the supported: gemma2, gemma3, gpt2, llama, qwen2, qwen3");
        refused(new GgufBytes().key("general.architecture", "llama"), "no tensor 'token_embd.weight'");
        refused(
                tiny().key("llama.expert_count", 8),
                "llama.expert_count is 8, which is not supported; only models without it are");
        refused(
                tiny().key("llama.attention.key_length", 2).key("llama.attention.value_length", 4),
                "llama.attention.value_length is 4, expected the same as attention.key_length");
        refused(
                tiny().key("llama.rope.dimension_count", 1),
                "partial_rotary_factor is 0.5, which is not supported; only 1.0 is");
        refused(
                tiny().key("llama.rope.scaling.type", "longrope").key("llama.rope.scaling.factor", 2f),
                "in rope_scaling: rope_type is \"longrope\", expected one of the supported: default, linear, dynamic, llama3, yarn");
        refused(
                tiny().tensor("rope_freqs.weight", GgufType.F32, GgufBytes.floats(3, 1), 2),
                "tensor 'rope_freqs.weight' has shape [2], expected [1]");
        refused(tiny(), "metadata has no tokenizer.ggml.model");
        refused(
                tiny().key("tokenizer.ggml.model", "bert"),
                "tokenizer.ggml.model is bert, expected one of the supported: gpt2, llama");
        refused(
                tokenized().key("tokenizer.ggml.pre", "viking"),
                "tokenizer.ggml.pre is viking, expected one of the supported: default, gpt-2, llama-bpe, qwen2, smollm");
        refused(
                tiny().key("tokenizer.ggml.model", "gpt2")
                        .key("tokenizer.ggml.tokens", List.of("a", "b"))
                        .key("tokenizer.ggml.token_type", new int[] {1}),
                "tokenizer.ggml.token_type is a list of 1 of type INT32, expected one for each of the 2 tokens");
        refused(tokenized(), "no tensor for 10 of the model's weights: model.layers.0.input_layernorm.weight, ");
    }

    /** All of a model but most tensors and the tokenizer. */
    private static GgufBytes tiny() {
        return new GgufBytes()
                .key("general.architecture", "llama")
                .key("llama.block_count", 1)
                .key("llama.context_length", 8)
                .key("llama.embedding_length", 2)
                .key("llama.feed_forward_length", 2)
                .key("llama.attention.head_count", 1)
                .key("llama.attention.layer_norm_rms_epsilon", 1e-5f)
                .tensor("token_embd.weight", GgufType.F32, new byte[16], 2, 2);
    }

    private static GgufBytes tokenized() {
        return tiny().key("tokenizer.ggml.model", "gpt2")
                .key("tokenizer.ggml.tokens", List.of("a", "b"))
                .key("tokenizer.ggml.token_type", new int[] {1, 1})
                .key("tokenizer.ggml.merges", List.of());
    }

    private void refused(GgufBytes bytes, String message) throws Exception {
        Path path = Files.write(folder.resolve("x.gguf"), bytes.bytes());
        refused(path, path + ": " + message);
    }

    private void refused(Path path, String message) {
        long before = engine.stats().liveBytes();
        assertThatThrownBy(() -> load(path)).isInstanceOf(UserError.class).hasMessageStartingWith(message);
        assertThat(engine.stats().liveBytes()).isEqualTo(before);
    }

    private Model load(Path path) {
        return load(path, Weights.DECODED);
    }

    private Model load(Path path, Weights weights) {
        return new FolderModelLoader()
                .load(path.toString(), Path.of(""), engine, new WeightForm(engine.dtype(), weights))
                .orElseThrow();
    }

    private static int[] ints(JsonNode list) {
        return StreamSupport.stream(list.spliterator(), false)
                .mapToInt(JsonNode::asInt)
                .toArray();
    }

    private Path resource(String name) throws URISyntaxException {
        return Path.of(getClass().getResource("/gguf/" + name).toURI());
    }
}
