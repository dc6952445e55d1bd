package org.attune.models.decoder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.attune.model.AttachPoint;
import org.attune.model.LanguageHead;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.models.PlainForward;
import org.attune.models.TinyDecoder;
import org.attune.models.source.FolderModelLoader;
import org.attune.plugin.UserError;
import org.attune.tensor.Scope;
import org.attune.tensor.io.TensorFile;
import org.attune.tensor.reference.ReferenceEngine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class DecoderTest {
    private final ReferenceEngine engine = new ReferenceEngine();

    @TempDir
    private Path folder;

    /** The trace's batch is padded and masked, ours is packed. */
    @ParameterizedTest
    @ValueSource(strings = {"llama", "qwen2", "gpt2"})
    void logitsEqualHuggingFace(String family) {
        Path golden = Path.of(System.getProperty("attune.shared", ""), "golden");
        assumeTrue(Files.isDirectory(golden), () -> "no golden values at " + golden);
        try (Model model = load(golden.resolve("models/" + family));
                TensorFile probe = TensorFile.open(golden.resolve("traces/" + family + "/full/probe.safetensors"))) {
            int rows = probe.shape("input_ids").dim(0);
            int width = probe.shape("input_ids").dim(1);
            int vocabulary = probe.shape("logits_before").dim(2);
            int[] ids = probe.ints("input_ids");
            int[] mask = probe.ints("attention_mask");
            double[] padded = probe.doubles("logits_before");
            int[][] sequences = new int[rows][];
            DoubleStream.Builder expected = DoubleStream.builder();
            for (int r = 0; r < rows; r++) {
                int length = Arrays.stream(mask, r * width, (r + 1) * width).sum();
                sequences[r] = Arrays.copyOfRange(ids, r * width, r * width + length);
                Arrays.stream(padded, r * width * vocabulary, (r * width + length) * vocabulary)
                        .forEach(expected);
            }
            double[] wanted = expected.build().toArray();
            double largest = Arrays.stream(wanted).map(Math::abs).max().orElseThrow();
            assertThat(logits(model, sequences)).containsExactly(wanted, within(1e-5 * largest));
        }
    }

    static Stream<TinyDecoder> all() {
        return Stream.of(
                TinyDecoder.llama(),
                TinyDecoder.gated("mistral").with("\"sliding_window\": 2"),
                TinyDecoder.gated("qwen2"),
                TinyDecoder.qwen3(),
                TinyDecoder.gemma("gemma2"),
                TinyDecoder.gemma("gemma3_text"),
                TinyDecoder.gpt2());
    }

    @ParameterizedTest
    @MethodSource("all")
    void aTokenSeesThoseBeforeItInItsSequenceAlone(TinyDecoder tiny) throws Exception {
        try (Model model = load(tiny.write(folder))) {
            double[] first = logits(model, new int[][] {{1, 2, 3, 4}, {5, 6, 7}});
            double[] second = logits(model, new int[][] {{1, 2, 3, 0}, {5, 6, 7}});
            assertThat(Arrays.copyOf(second, 3 * 8)).containsExactly(Arrays.copyOf(first, 3 * 8));
            assertThat(Arrays.copyOfRange(second, 3 * 8, 4 * 8)).isNotEqualTo(Arrays.copyOfRange(first, 3 * 8, 4 * 8));
            assertThat(Arrays.copyOfRange(second, 4 * 8, 7 * 8))
                    .containsExactly(Arrays.copyOfRange(first, 4 * 8, 7 * 8));
        }
    }

    @ParameterizedTest
    @MethodSource("all")
    void positionsMatter(TinyDecoder tiny) throws Exception {
        try (Model model = load(tiny.write(folder))) {
            double[] once = logits(model, new int[][] {{1, 2, 2, 3}});
            double[] other = logits(model, new int[][] {{2, 1, 2, 3}});
            assertThat(Arrays.copyOfRange(other, 3 * 8, 4 * 8)).isNotEqualTo(Arrays.copyOfRange(once, 3 * 8, 4 * 8));
        }
    }

    /** With a sequence of which nothing is wanted, one with gaps, and one wanted whole. */
    @ParameterizedTest
    @MethodSource("all")
    void someTokensHaveTheStatesThatTheyHaveAmongAll(TinyDecoder tiny) throws Exception {
        int[] rows = {5, 7, 9, 10};
        try (Model model = load(tiny.write(folder));
                Scope scope = Scope.open(engine)) {
            PlainForward forward = new PlainForward(
                    model, PlainForward.batch(new int[] {1, 2}, new int[] {3, 4, 5, 6, 7, 1, 2}, new int[] {4, 4}));
            double[] expected = model.encode(forward).gatherRows(rows).toDoubles();
            assertThat(model.encode(forward, rows).toDoubles()).containsExactly(expected, within(1e-12));
            assertThat(scope).isNotNull();
        }
    }

    @Test
    void attachPointsAreTheModulesInForwardOrder() throws Exception {
        try (Model model = load(TinyDecoder.llama().write(folder))) {
            assertThat(model.attachPoints())
                    .hasSize(1 + 2 * 13 + 2)
                    .contains(
                            new AttachPoint("model.embed_tokens", AttachPoint.Kind.EMBEDDING, 8, 8),
                            new AttachPoint("model.layers.1.self_attn.k_proj", AttachPoint.Kind.LINEAR, 8, 4),
                            new AttachPoint("model.layers.1.self_attn", AttachPoint.Kind.ATTENTION, 1, 4),
                            new AttachPoint("model.layers.1.mlp.down_proj", AttachPoint.Kind.LINEAR, 6, 8),
                            new AttachPoint("model.layers.1", AttachPoint.Kind.BLOCK, 8, 8));
            assertThat(model.attachPoints().subList(1, 14))
                    .extracting(p -> p.path().substring("model.layers.0".length()))
                    .containsExactly(
                            ".input_layernorm",
                            ".self_attn.q_proj",
                            ".self_attn.k_proj",
                            ".self_attn.v_proj",
                            ".self_attn",
                            ".self_attn.o_proj",
                            ".self_attn",
                            ".post_attention_layernorm",
                            ".mlp.gate_proj",
                            ".mlp.up_proj",
                            ".mlp.down_proj",
                            ".mlp",
                            "");
            assertThat(model.attachPoints().subList(27, 29))
                    .extracting(AttachPoint::path)
                    .containsExactly("model.norm", "lm_head");
            assertThat(model.classifierPath()).isEqualTo("score");
            assertThat(model.classifierBias()).isFalse();
        }
    }

    /** Files may hold a tied weight twice; it is one. */
    @Test
    void aTiedHeadIsTheEmbedding() throws Exception {
        TinyDecoder tiny = TinyDecoder.llama().configure("embeddings\": false", "embeddings\": true");
        try (Model model = load(tiny.write(folder))) {
            assertThat(model.weights()).doesNotContainKey("lm_head.weight").containsKey("model.embed_tokens.weight");
            assertThat(model.attachPoints()).contains(new AttachPoint("lm_head", AttachPoint.Kind.LINEAR, 8, 8));
            assertThat(logits(model, new int[][] {{1, 2}})).hasSize(16);
        }
    }

    @Test
    void aClassifiersFileNeedsNoHeadOverTheVocabulary() throws Exception {
        TinyDecoder tiny = TinyDecoder.llama().rename("model.", "").put("score.weight", 3, 8);
        tiny.weights.remove("lm_head.weight");
        try (Model model = load(tiny.write(folder))) {
            assertThat(model.languageHead()).isEmpty();
            assertThat(model.attachPoints()).extracting(AttachPoint::path).doesNotContain("lm_head");
            assertThat(model.weights()).containsKeys("score.weight", "model.norm.weight");
            assertThat(model.pooledTokens(PlainForward.batch(new int[3], new int[2])))
                    .containsExactly(2, 4);
        }
    }

    @Test
    void gpt2sFilesHoldTransposedMatrices() throws Exception {
        TinyDecoder tiny = TinyDecoder.gpt2().rename("transformer.", "").put("h.0.attn.bias", 1, 1, 16, 16);
        try (Model model = load(tiny.write(folder))) {
            String name = "transformer.h.1.mlp.c_fc.weight";
            assertThat(tiny.weights.get("h.1.mlp.c_fc.weight").shape().dims()).containsExactly(8, 32);
            assertThat(model.weights().get(name).shape().dims()).containsExactly(32, 8);
            assertThat(model.transposedInFiles(name)).isTrue();
            assertThat(model.transposedInFiles("transformer.wte.weight")).isFalse();
        }
    }

    @Test
    void gpt2sDropoutsStandWhereHuggingFaceHasThem() throws Exception {
        try (Model model = load(TinyDecoder.gpt2().write(folder));
                Scope scope = Scope.open(engine)) {
            PlainForward forward = new PlainForward(model, PlainForward.batch(new int[] {2, 5, 3}));
            model.encode(forward);
            assertThat(forward.dropouts.keySet())
                    .containsExactly(
                            "transformer.drop",
                            "transformer.h.0.attn.resid_dropout",
                            "transformer.h.0.mlp.dropout",
                            "transformer.h.1.attn.resid_dropout",
                            "transformer.h.1.mlp.dropout");
            assertThat(forward.dropouts.values()).containsExactly(0.1, 0.2, 0.2, 0.2, 0.2);
            assertThat(scope).isNotNull();
        }
    }

    @Test
    void biasesAreWhereTheConfigurationPutsThem() {
        assertThat(TinyDecoder.gated("qwen2").architecture().modules().weights())
                .containsKey("model.layers.0.self_attn.q_proj.bias")
                .doesNotContainKey("model.layers.0.self_attn.o_proj.bias");
        assertThat(TinyDecoder.llama()
                        .with("\"attention_bias\": true, \"mlp_bias\": true")
                        .architecture()
                        .modules()
                        .weights())
                .containsKeys("model.layers.0.self_attn.o_proj.bias", "model.layers.1.mlp.up_proj.bias");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'rope_scaling': null | 'rope_scaling': {'type': 'su'}"
                        + "| in rope_scaling: type is 'su', expected one of the supported: default, linear, dynamic,"
                        + " llama3, yarn",
                "'rope_scaling': null | 'rope_parameters': {'rope_type': 'longrope'}"
                        + "| in rope_parameters: rope_type is 'longrope', expected one of the supported: default, linear,"
                        + " dynamic, llama3, yarn",
                "'rope_scaling': null | 'partial_rotary_factor': 0.5"
                        + "| partial_rotary_factor is 0.5, which is not supported; only 1.0 is",
                "'rope_scaling': null | 'quantization_config': {'bits': 4}"
                        + "| quantization_config is {'bits':4}, which is not supported; only models without it are",
                "'rope_scaling': null | 'layer_types': ['full_attention', 'sliding_attention']"
                        + "| layer_types is ['full_attention','sliding_attention'], expected 'full_attention' alone",
                "'num_key_value_heads': 1 | 'num_key_value_heads': 3"
                        + "| num_key_value_heads is 3, expected a divisor of num_attention_heads, 2",
                "'num_attention_heads': 2 | 'num_attention_heads': 3"
                        + "| num_attention_heads is 3, expected a divisor of hidden_size, 8",
                "'tie_word_embeddings': false | 'tie_word_embeddings': 'no'"
                        + "| tie_word_embeddings is 'no', expected true or false"
            })
    void whatIsNotSupportedIsRefusedByName(String from, String to, String message) {
        TinyDecoder tiny = TinyDecoder.llama().configure(json(from), json(to));
        assertThatThrownBy(tiny::architecture)
                .isInstanceOf(UserError.class)
                .hasMessage("config.json: "
                        + message.replace('\'', '"').replace("\"full_attention\" alone", "'full_attention' alone"));
    }

    private static String json(String quoted) {
        return quoted.replace('\'', '"');
    }

    private static double[] logits(Model model, int[][] sequences) {
        return Scope.inference(new ReferenceEngine(), () -> {
            PlainForward forward = new PlainForward(model, PlainForward.batch(sequences));
            LanguageHead head = model.languageHead().orElseThrow();
            return head.logits(forward, model.encode(forward)).toDoubles();
        });
    }

    private Model load(Path path) {
        return new FolderModelLoader()
                .load(path.toString(), Path.of(""), engine, WeightForm.decoded(engine.dtype()))
                .orElseThrow();
    }
}
