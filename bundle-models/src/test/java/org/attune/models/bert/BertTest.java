package org.attune.models.bert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.attune.model.AttachPoint;
import org.attune.model.Model;
import org.attune.model.TokenBatch;
import org.attune.model.WeightForm;
import org.attune.models.PlainForward;
import org.attune.models.TinyBert;
import org.attune.models.source.FolderModelLoader;
import org.attune.tensor.Scope;
import org.attune.tensor.Tensor;
import org.attune.tensor.io.TensorFile;
import org.attune.tensor.reference.ReferenceEngine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BertTest {
    private final ReferenceEngine engine = new ReferenceEngine();

    @TempDir
    private Path folder;

    /** The trace's batch is padded and masked, ours is packed. */
    @Test
    void logitsEqualHuggingFace() {
        Path golden = Path.of(System.getProperty("attune.shared", ""), "golden");
        assumeTrue(Files.isDirectory(golden), () -> "no golden values at " + golden);
        try (Model model = load(golden.resolve("models/bert"));
                TensorFile probe = TensorFile.open(golden.resolve("traces/bert/full/probe.safetensors"));
                Scope scope = Scope.open(engine)) {
            int rows = probe.shape("input_ids").dim(0);
            int width = probe.shape("input_ids").dim(1);
            int[] ids = probe.ints("input_ids");
            int[] mask = probe.ints("attention_mask");
            int[][] sequences = new int[rows][];
            for (int r = 0; r < rows; r++) {
                int length = Arrays.stream(mask, r * width, (r + 1) * width).sum();
                sequences[r] = Arrays.copyOfRange(ids, r * width, r * width + length);
            }
            PlainForward forward = new PlainForward(model, PlainForward.batch(sequences));
            Tensor pooled = model.pool(forward, model.encode(forward, model.pooledTokens(forward.batch())));
            double[] logits = forward.linear(model.classifierPath(), pooled).toDoubles();
            assertThat(logits).containsExactly(probe.doubles("logits_before"), within(1e-5));
            assertThat(scope).isNotNull();
        }
    }

    @Test
    void aSequenceDoesNotSeeTheOthersOfItsBatch() throws Exception {
        try (Model model = load(new TinyBert().write(folder));
                Scope scope = Scope.open(engine)) {
            int[][] sequences = {{2, 5, 6, 3}, {2, 3}, {2, 7, 6, 5, 5, 3}};
            double[] together = pooled(model, PlainForward.batch(sequences));
            for (int s = 0; s < sequences.length; s++) {
                assertThat(pooled(model, PlainForward.batch(sequences[s])))
                        .containsExactly(Arrays.copyOfRange(together, 4 * s, 4 * s + 4));
            }
            assertThat(scope).isNotNull();
        }
    }

    @Test
    void activationsAreTakenByTheirHuggingFaceNames() throws Exception {
        double[] gelu = pooled(new TinyBert());
        double[] tanhForm = pooled(new TinyBert().configure("\"gelu\"", "\"gelu_new\""));
        assertThat(tanhForm).isNotEqualTo(gelu).containsExactly(gelu, within(1e-2));
        assertThat(pooled(new TinyBert().configure("\"gelu\"", "\"relu\""))).isNotEqualTo(gelu);
        assertThat(pooled(new TinyBert().configure("\"gelu\"", "\"silu\"")))
                .containsExactly(pooled(new TinyBert().configure("\"gelu\"", "\"swish\"")));
    }

    @Test
    void dropoutStandsWhereHuggingFaceHasIt() throws Exception {
        try (Model model = load(new TinyBert()
                        .configure("\"classifier_dropout\": null", "\"classifier_dropout\": 0.3")
                        .write(folder));
                Scope scope = Scope.open(engine)) {
            PlainForward forward = new PlainForward(model, PlainForward.batch(new int[] {2, 5, 3}));
            model.pool(forward, model.encode(forward, model.pooledTokens(forward.batch())));
            assertThat(forward.dropouts.keySet())
                    .containsExactly(
                            "bert.embeddings.dropout",
                            "bert.encoder.layer.0.attention.output.dropout",
                            "bert.encoder.layer.0.output.dropout",
                            "dropout");
            assertThat(forward.dropouts.values()).containsExactly(0.1, 0.1, 0.1, 0.3);
            assertThat(scope).isNotNull();
        }
    }

    @Test
    void attachPointsAreTheModulesInForwardOrder() throws Exception {
        try (Model model = load(new TinyBert().write(folder))) {
            assertThat(model.attachPoints())
                    .extracting(AttachPoint::path)
                    .containsExactly(
                            "bert.embeddings.word_embeddings",
                            "bert.embeddings.token_type_embeddings",
                            "bert.embeddings.position_embeddings",
                            "bert.embeddings.LayerNorm",
                            "bert.encoder.layer.0.attention.self.query",
                            "bert.encoder.layer.0.attention.self.key",
                            "bert.encoder.layer.0.attention.self.value",
                            "bert.encoder.layer.0.attention.self",
                            "bert.encoder.layer.0.attention.output.dense",
                            "bert.encoder.layer.0.attention.output",
                            "bert.encoder.layer.0.attention.output.LayerNorm",
                            "bert.encoder.layer.0.intermediate.dense",
                            "bert.encoder.layer.0.output.dense",
                            "bert.encoder.layer.0.output",
                            "bert.encoder.layer.0.output.LayerNorm",
                            "bert.encoder.layer.0",
                            "bert.pooler.dense");
            assertThat(model.attachPoints())
                    .contains(
                            new AttachPoint("bert.encoder.layer.0.intermediate.dense", AttachPoint.Kind.LINEAR, 4, 6),
                            new AttachPoint("bert.embeddings.word_embeddings", AttachPoint.Kind.EMBEDDING, 8, 4));
        }
    }

    @Test
    void aSequenceBeyondTheLastPositionIsRefused() throws Exception {
        try (Model model = load(new TinyBert().write(folder))) {
            PlainForward forward = new PlainForward(model, PlainForward.batch(new int[17]));
            assertThatThrownBy(() -> model.encode(forward))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("a sequence of 17 tokens, but the model has only 16 positions");
        }
    }

    private double[] pooled(TinyBert tiny) throws Exception {
        try (Model model = load(tiny.write(folder));
                Scope scope = Scope.open(engine)) {
            assertThat(scope).isNotNull();
            return pooled(model, PlainForward.batch(new int[] {2, 5, 6, 7, 3}));
        }
    }

    private static double[] pooled(Model model, TokenBatch batch) {
        PlainForward forward = new PlainForward(model, batch);
        return model.pool(forward, model.encode(forward, model.pooledTokens(forward.batch())))
                .toDoubles();
    }

    private Model load(Path path) {
        return new FolderModelLoader()
                .load(path.toString(), Path.of(""), engine, WeightForm.decoded(engine.dtype()))
                .orElseThrow();
    }
}
