package org.attune.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.attune.model.AttachPoint;
import org.attune.model.Forward;
import org.attune.model.LanguageHead;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.models.source.FolderModelLoader;
import org.attune.tensor.Gradients;
import org.attune.tensor.Scope;
import org.attune.tensor.Tensor;
import org.attune.tensor.io.TensorFile;
import org.attune.tensor.reference.ReferenceEngine;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What transformers computes on tiny models of each family, by {@code src/test/resources/families/make_families.py}. */
class FamiliesTest {
    private static final int SKIPPED = -100;
    /** In float32 transformers is off by some millionths; what is wrong is off by per cents. */
    private static final double CLOSE = 2e-5;

    private final ReferenceEngine engine = new ReferenceEngine();

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "mistral",
                "qwen2",
                "qwen3",
                "gemma2",
                "gemma3",
                "llama-linear",
                "llama-yarn",
                "llama-dynamic",
                "llama-llama3"
            })
    void languageModelsEqualTransformers(String name) throws Exception {
        try (Model model = load(name);
                TensorFile expected = expected(name)) {
            equal(model, model.languageHead().orElseThrow(), expected, FamiliesTest::next);
        }
    }

    /** Methods act on these unless they are told others, in PEFT as here. */
    @ParameterizedTest
    @CsvSource({
        "bert, query, key, value, output.dense",
        "roberta, query, key, value, output.dense",
        "distilbert, q_lin, k_lin, v_lin, ffn.lin2",
        "mistral, q_proj, k_proj, v_proj, down_proj",
        "qwen2, q_proj, k_proj, v_proj, down_proj",
        "qwen3, q_proj, k_proj, v_proj, down_proj",
        "gemma2, q_proj, k_proj, v_proj, down_proj",
        "gemma3, q_proj, k_proj, v_proj, down_proj"
    })
    void partsHaveTheFamilysNames(String name, String queries, String keys, String values, String feedForward)
            throws Exception {
        try (Model model = load(name)) {
            List<String> names =
                    model.linearNames().resolve(List.of("queries", "keys", "values", "feed-forward", "other"));
            assertThat(names).containsExactly(queries, keys, values, feedForward, "other");
            for (String end : names.subList(0, 4)) {
                assertThat(model.attachPoints())
                        .anyMatch(point -> point.kind() == AttachPoint.Kind.LINEAR
                                && point.path().endsWith("." + end));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"bert", "roberta", "distilbert"})
    void maskedModelsEqualTransformers(String name) throws Exception {
        try (Model model = load(name);
                TensorFile expected = expected(name)) {
            equal(model, model.maskedHead().orElseThrow(), expected, FamiliesTest::everyFifth);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"bert", "roberta", "distilbert"})
    void classifiersEqualTransformers(String name) throws Exception {
        try (Model model = load(name);
                TensorFile expected = expected(name)) {
            double[] classes = Scope.inference(engine, () -> {
                Forward forward = forward(model, model.weights(), sequences(expected));
                Tensor pooled = model.pool(forward, model.encode(forward, model.pooledTokens(forward.batch())));
                return forward.linear(model.classifierPath(), pooled).toDoubles();
            });
            close(classes, expected.doubles("classes"));
        }
    }

    /** What each token's logits are compared with: a label, {@link #SKIPPED} for none. */
    private interface Labels {
        int[] of(int[] sequence);
    }

    private static int[] next(int[] sequence) {
        int[] labels = Arrays.copyOfRange(sequence, 1, sequence.length + 1);
        labels[sequence.length - 1] = SKIPPED;
        return labels;
    }

    private static int[] everyFifth(int[] sequence) {
        return IntStream.range(0, sequence.length)
                .map(i -> i % 5 == 0 ? sequence[i] : SKIPPED)
                .toArray();
    }

    private void equal(Model model, LanguageHead head, TensorFile expected, Labels labels) {
        int[][] sequences = sequences(expected);
        double[] logits = Scope.inference(engine, () -> {
            Forward forward = forward(model, model.weights(), sequences);
            return head.logits(forward, model.encode(forward)).toDoubles();
        });
        close(logits, expected.doubles("logits"));

        Map<String, Tensor> weights = new HashMap<>(model.weights());
        List<String> graded = expected.names().stream()
                .filter(n -> n.startsWith("gradient."))
                .map(n -> n.substring("gradient.".length()))
                .toList();
        assertThat(graded).isNotEmpty();
        graded.forEach(n -> weights.put(n, model.weights().get(n).keep().trainable()));
        try (Gradients gradients =
                        new Gradients(graded.stream().map(weights::get).toList());
                Scope scope = Scope.open(engine)) {
            Forward forward = forward(model, weights, sequences);
            int[] wanted = Arrays.stream(sequences)
                    .flatMapToInt(s -> Arrays.stream(labels.of(s)))
                    .toArray();
            Tensor loss = head.losses(forward, model.encode(forward), wanted).sum();
            close(loss.toDoubles(), expected.doubles("loss"));
            scope.backward(loss, gradients);
            graded.forEach(n -> close(gradients.of(weights.get(n)).toDoubles(), expected.doubles("gradient." + n)));
            assertThat(scope).isNotNull();
        } finally {
            graded.forEach(n -> weights.get(n).close());
        }
    }

    private static void close(double[] found, double[] expected) {
        double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
        assertThat(found).containsExactly(expected, within(CLOSE * largest));
    }

    private static int[][] sequences(TensorFile expected) {
        int[] ids = expected.ints("ids");
        List<int[]> sequences = new ArrayList<>();
        int at = 0;
        for (int length : expected.ints("lengths")) {
            sequences.add(Arrays.copyOfRange(ids, at, at + length));
            at += length;
        }
        return sequences.toArray(int[][]::new);
    }

    private static Forward forward(Model model, Map<String, Tensor> weights, int[][] sequences) {
        return new PlainForward(weights, model.tied(), PlainForward.batch(sequences));
    }

    private static Path resource(String name) {
        try {
            return Path.of(FamiliesTest.class.getResource("/families/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static TensorFile expected(String name) throws IOException {
        return TensorFile.open(resource(name).resolve("expected.safetensors"));
    }

    private Model load(String name) throws IOException {
        for (String file : List.of("config.json", "model.safetensors")) {
            Files.copy(resource(name).resolve(file), folder.resolve(file));
        }
        Files.writeString(folder.resolve("tokenizer.json"), TinyDecoder.TOKENIZER);
        return new FolderModelLoader()
                .load(folder.toString(), Path.of(""), engine, WeightForm.decoded(engine.dtype()))
                .orElseThrow();
    }
}
