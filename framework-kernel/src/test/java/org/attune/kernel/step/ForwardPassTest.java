package org.attune.kernel.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.attune.kernel.fake.TinyModel;
import org.attune.model.Stage;
import org.attune.model.TokenBatch;
import org.attune.tensor.DType;
import org.attune.tensor.Gradients;
import org.attune.tensor.Rng;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.training.Adapter;
import org.attune.training.Batch;
import org.attune.training.Initializer;
import org.attune.training.Sample;
import org.junit.jupiter.api.Test;

class ForwardPassTest {
    private static final String PLACE = "tiny.layer.0.query";
    private static final String SUM = "tiny.layer.0.mlp";
    private static final Rng STEP = Rng.of(1).at(4);

    private final ReferenceEngine engine = new ReferenceEngine();
    private final TinyModel model = new TinyModel(engine);
    private final ParameterStore parameters = new ParameterStore(engine, model, 0);
    private final Wiring wiring = new Wiring(model);

    private StepSettings settings = new StepSettings(1, 100, 0);

    private ForwardPass pass(TokenBatch batch, Rng dropout) {
        return new ForwardPass(model, parameters, wiring, settings, batch, dropout, null);
    }

    private static TokenBatch batch(Sample... samples) {
        return Batch.of(List.of(samples)).tokens();
    }

    private static Sample sample(long example, int length) {
        return new Sample(example, new int[length], new int[length], new int[] {0});
    }

    private static final Sample A = sample(11, 2);
    private static final Sample B = sample(22, 3);
    private static final Sample C = sample(33, 1);

    // ---- composition ----

    private Adapter.Attachment adapter() {
        return wiring.attachment(parameters.claim(Optional.empty()));
    }

    @Test
    void adaptersOfOnePointComposeInTheOrderOfTheirClaims() {
        double[] base = linear();
        adapter().linear(PLACE, (forward, x, inner) -> inner.apply(x).add(1));
        adapter().linear(PLACE, (forward, x, inner) -> inner.apply(x).mul(10));
        adapter().output(PLACE, (forward, y) -> y.add(100));
        double[] adapted = linear();
        for (int i = 0; i < base.length; i++) {
            assertThat(adapted[i]).isCloseTo((base[i] + 1) * 10 + 100, within(1e-12));
        }
    }

    @Test
    void anAdapterMayAlterTheInput() {
        double[] base = linear();
        adapter().linear(PLACE, (forward, x, inner) -> inner.apply(x.mul(0)));
        assertThat(linear())
                .isNotEqualTo(base)
                .startsWith(model.weights().get(PLACE + ".bias").toDoubles());
    }

    @Test
    void adaptersAddToAResidualSumAndReadTheSame() {
        assertThat(residual(DType.FLOAT64)).containsExactly(11, 22);
        adapter().residual(SUM, (forward, at) -> at.x().mul(100));
        adapter().residual(SUM, (forward, at) -> at.z().mul(1000).add(at.sum()).add(at.normed()));
        assertThat(residual(DType.FLOAT64)).containsExactly(11 + 100 + 10_000 + 11 - 11, 22 + 200 + 20_000 + 22 - 22);
    }

    @Test
    void aResidualSumKeepsItsType() {
        adapter().residual(SUM, (forward, at) -> at.x().to(DType.FLOAT64));
        assertThat(residual(DType.BFLOAT16)).containsExactly(12, 24);
    }

    private double[] residual(DType type) {
        return Scope.inference(engine, () -> {
            Tensor x = Tensor.of(engine, Shape.of(1, 2), 1.0, 2.0).to(type);
            Tensor z = Tensor.of(engine, Shape.of(1, 2), 10.0, 20.0).to(type);
            Tensor y = pass(batch(A), null).residual(SUM, x, z, Tensor::neg);
            assertThat(y.dtype()).isEqualTo(type);
            return y.toDoubles();
        });
    }

    private double[] linear() {
        return Scope.inference(engine, () -> {
            Tensor x = Tensor.of(engine, Shape.of(2, 4), 1.0, 2.0, 3.0, 4.0, -1.0, 0.5, 0.0, 2.0);
            return pass(batch(A), null).linear(PLACE, x).toDoubles();
        });
    }

    @Test
    void aTrialsOwnCopyTakesThePlaceOfTheModelsWeight() {
        assertThat(pass(batch(A), null).weight(PLACE + ".bias"))
                .isSameAs(model.weights().get(PLACE + ".bias"));
        Tensor copy = parameters.claim(Optional.empty()).train(PLACE + ".bias");
        assertThat(pass(batch(A), null).weight(PLACE + ".bias")).isSameAs(copy);
        assertThatThrownBy(() -> pass(batch(A), null).weight("tiny.none")).hasMessageContaining("tiny.none");
    }

    @Test
    void aNewParameterMayBeAWeightOfAHeadThatTheModelLacks() {
        parameters.claim(Optional.empty()).parameter("classifier.weight", Shape.of(2, 4), Initializer.constant(1));
        double[] y = Scope.inference(
                engine,
                () -> pass(batch(A), null)
                        .linear("classifier", Tensor.of(engine, Shape.of(1, 4), 1.0, 2.0, 3.0, 4.0))
                        .toDoubles());
        assertThat(y).containsExactly(10, 10);
    }

    @Test
    void aTiedNameMeansTheWeightItIsTiedToWithItsTrainedCopy() {
        model.withTiedHead();
        assertThat(pass(batch(A), null).weight("lm_head.weight"))
                .isSameAs(model.weights().get("tiny.embeddings.weight"));
        Tensor copy = parameters.claim(Optional.empty()).train("tiny.embeddings.weight");
        assertThat(pass(batch(A), null).weight("lm_head.weight")).isSameAs(copy);
    }

    /** By either way: pieces without logits where nothing acts, logits where an adapter does. */
    @Test
    void crossEntropyOfALinearMapIsThatOfItsLogits() {
        model.withTiedHead();
        double[] plain = losses();
        assertThat(plain).hasSize(2).doesNotContain(0);
        adapter().linear("lm_head", (forward, x, inner) -> inner.apply(x).add(1)); // a softmax does not see it
        assertThat(losses()).containsExactly(plain, within(1e-12));
        adapter().linear("lm_head", (forward, x, inner) -> inner.apply(x).mul(0));
        assertThat(losses()).containsExactly(new double[] {Math.log(12), Math.log(12)}, within(1e-12));
    }

    private double[] losses() {
        return Scope.inference(engine, () -> {
            Tensor x = Tensor.of(engine, Shape.of(2, 4), 1.0, 2.0, 3.0, 4.0, -1.0, 0.5, 0.0, 2.0);
            return pass(batch(A), null)
                    .linearCrossEntropy("lm_head", x, new int[] {7, 0})
                    .toDoubles();
        });
    }

    // ---- stages ----

    /** The peak of a pass and its gradient through eight stages that keep five tensors each. */
    private static long peak(boolean checkpointing) {
        ReferenceEngine engine = new ReferenceEngine();
        try (TinyModel model = new TinyModel(engine);
                ParameterStore parameters = new ParameterStore(engine, model, 0)) {
            Tensor trained = parameters.claim(Optional.empty()).train(PLACE + ".weight");
            StepSettings settings = new StepSettings(1, 10_000, Optional.empty(), checkpointing, 0);
            TokenBatch batch = batch(sample(1, 10_000));
            ForwardPass pass = new ForwardPass(model, parameters, new Wiring(model), settings, batch, STEP, null);
            List<Stage> stages = new ArrayList<>();
            stages.add(Stage.of("tiny.embeddings", none -> pass.embedding("tiny.embeddings", batch.ids())));
            for (int i = 0; i < 8; i++) {
                stages.add(Stage.of(
                        "tiny.layer.0",
                        x -> pass.linear(PLACE, x).tanh().exp().tanh().exp().tanh()));
            }
            try (Scope scope = Scope.open(engine);
                    Gradients gradients = new Gradients(List.of(trained))) {
                scope.backward(pass.stages(stages).sum(), gradients);
            }
            return engine.stats().peakBytes();
        }
    }

    @Test
    void checkpointingKeepsTheEndsOfStagesAlone() {
        assertThat(peak(true)).isLessThan(peak(false) / 2);
    }

    @Test
    void aFrozenPrefixIsNotRecordedAndAStageAboveItIs() {
        parameters.claim(Optional.empty()).train("tiny.layer.1.query.weight");
        List<Boolean> recorded = new ArrayList<>();
        try (Scope scope = Scope.open(engine)) {
            ForwardPass pass = pass(batch(A), STEP);
            List<Stage> stages = new ArrayList<>();
            for (String layer : List.of("tiny.layer.0.query", "tiny.layer.1.query", "tiny.layer.1.value")) {
                stages.add(Stage.of(layer, x -> {
                    Tensor y = pass.linear(layer, x == null ? pass.embedding("tiny.embeddings", new int[2]) : x);
                    recorded.add(y.requiresGradient());
                    return y;
                }));
            }
            try (Gradients gradients = new Gradients(parameters.all().values())) {
                scope.backward(pass.stages(stages).sum(), gradients);
            }
        }
        assertThat(recorded).containsExactly(false, true, true);
    }

    // ---- precision ----

    /** The model in bfloat16 with an adapter of the engine's type at each attach point that an embedding goes through. */
    @Test
    void anAdapterDoesNotWidenWhatFollows() {
        try (TinyModel narrow = new TinyModel(engine, DType.BFLOAT16);
                ParameterStore own = new ParameterStore(engine, narrow, 0)) {
            Wiring wide = new Wiring(narrow);
            Adapter.Attachment on = wide.attachment(own.claim(Optional.empty()));
            Tensor factor = on.parameter("factor", Shape.of(4), Initializer.constant(1.5));
            for (String path : List.of(PLACE, "tiny.layer.1.value")) {
                on.linear(path, (forward, x, inner) -> inner.apply(x).mul(factor));
            }
            on.output("tiny.embeddings", (forward, y) -> y.mul(factor));
            on.output("tiny.layer.1", (forward, y) -> y.mul(factor));
            StepSettings half = new StepSettings(1, 100, Optional.of(DType.BFLOAT16), false, 0);
            try (Scope scope = Scope.open(engine)) {
                ForwardPass pass = new ForwardPass(narrow, own, wide, half, batch(A, B), STEP, null);
                assertThat(pass.embedding("tiny.embeddings", new int[] {1, 2}).dtype())
                        .isEqualTo(DType.BFLOAT16);
                Tensor hidden = narrow.encode(pass);
                assertThat(hidden.dtype()).isEqualTo(DType.BFLOAT16);
                assertThat(pass.dropout("here", hidden, 0.5).dtype()).isEqualTo(DType.BFLOAT16);
                Gradients gradients = new Gradients(List.of(factor));
                scope.backward(hidden.sum(), gradients);
                assertThat(gradients.of(factor).dtype()).isEqualTo(DType.FLOAT64);
                assertThat(gradients.of(factor).toDoubles()).doesNotContain(0);
                gradients.close();
            }
        }
    }

    @Test
    void aTrainableCopyHasTheEnginesTypeAndActivationsKeepTheirs() {
        try (TinyModel narrow = new TinyModel(engine, DType.BFLOAT16);
                ParameterStore own = new ParameterStore(engine, narrow, 0)) {
            StepSettings half = new StepSettings(1, 100, Optional.of(DType.BFLOAT16), false, 0);
            for (String name : List.of("tiny.embeddings.weight", PLACE + ".weight")) {
                Tensor copy = own.claim(Optional.empty()).train(name);
                assertThat(copy.dtype()).isEqualTo(DType.FLOAT64);
                assertThat(copy.toDoubles())
                        .isEqualTo(narrow.weights().get(name).toDoubles());
            }
            DType hidden = Scope.inference(
                    engine,
                    () -> narrow.encode(new ForwardPass(narrow, own, new Wiring(narrow), half, batch(A), null, null))
                            .dtype());
            assertThat(hidden).isEqualTo(DType.BFLOAT16);
        }
    }

    // ---- dropout ----

    /** The mask over ones, by token [tokens, width]. */
    private double[] mask(TokenBatch batch, Rng dropout, String place, int rows, int width, double p) {
        double[] ones = new double[rows * width];
        Arrays.fill(ones, 1);
        return Scope.inference(
                engine,
                () -> pass(batch, dropout)
                        .dropout(place, Tensor.of(engine, Shape.of(rows, width), ones), p)
                        .toDoubles());
    }

    @Test
    void whichElementsFallDependsOnTheExampleAndNotOnTheCompanyItIsIn() {
        double[] together = mask(batch(A, B, C), STEP, PLACE, 6, 8, 0.5);
        double[] reversed = mask(batch(C, B, A), STEP, PLACE, 6, 8, 0.5);
        double[] alone = mask(batch(B), STEP, PLACE, 3, 8, 0.5);
        assertThat(Arrays.copyOfRange(together, 2 * 8, 5 * 8)).isEqualTo(alone);
        assertThat(Arrays.copyOfRange(reversed, 1 * 8, 4 * 8)).isEqualTo(alone);
        double[] bySequence = mask(batch(A, B, C), STEP, PLACE, 3, 8, 0.5);
        assertThat(Arrays.copyOfRange(bySequence, 8, 16)).isEqualTo(Arrays.copyOf(alone, 8));
    }

    /** As many rows as there are sequences, but not their first tokens. */
    @Test
    void inAStageOfSomeRowsTheSameElementsFall() {
        TokenBatch batch = batch(A, B, C);
        double[] all = mask(batch, STEP, PLACE, 6, 8, 0.5);
        int[] rows = {1, 3, 4};
        double[] some = Scope.inference(engine, () -> {
            ForwardPass pass = pass(batch, STEP);
            Tensor ones = Tensor.of(engine, Shape.of(3, 8), new double[24]).add(1);
            return pass.stages(List.of(new Stage("tiny", rows, x -> pass.dropout(PLACE, ones, 0.5))))
                    .toDoubles();
        });
        for (int i = 0; i < rows.length; i++) {
            assertThat(Arrays.copyOfRange(some, 8 * i, 8 * i + 8))
                    .isEqualTo(Arrays.copyOfRange(all, 8 * rows[i], 8 * rows[i] + 8));
        }
    }

    @Test
    void itDiffersByStepPlaceAndExample() {
        double[] here = mask(batch(B), STEP, PLACE, 3, 20, 0.5);
        assertThat(mask(batch(B), Rng.of(1).at(5), PLACE, 3, 20, 0.5)).isNotEqualTo(here);
        assertThat(mask(batch(B), STEP, "elsewhere", 3, 20, 0.5)).isNotEqualTo(here);
        assertThat(mask(batch(sample(23, 3)), STEP, PLACE, 3, 20, 0.5)).isNotEqualTo(here);
        assertThat(mask(batch(B), STEP, PLACE, 3, 20, 0.5)).isEqualTo(here);
    }

    @Test
    void theShareThatFallsIsPAndTheRestIsScaledUp() {
        double[] mask = mask(batch(A), STEP, PLACE, 2, 20_000, 0.2);
        assertThat(Arrays.stream(mask).distinct().sorted().toArray()).containsExactly(0, 1.25f);
        double fallen = Arrays.stream(mask).filter(m -> m == 0).count() / (double) mask.length;
        assertThat(fallen).isCloseTo(0.2, within(0.01)); // 5 standard deviations: 0.01
    }

    @Test
    void withoutTrainingOrChanceNothingFalls() {
        assertThat(mask(batch(A), null, PLACE, 2, 8, 0.9)).containsOnly(1);
        assertThat(mask(batch(A), STEP, PLACE, 2, 8, 0)).containsOnly(1);
    }

    @Test
    void aChanceOfOneAndRowsOfNothingAreRefused() {
        assertThatThrownBy(() -> mask(batch(A), STEP, PLACE, 2, 8, 1)).hasMessageContaining("must be in [0, 1)");
        assertThatThrownBy(() -> mask(batch(A, B), STEP, PLACE, 4, 8, 0.5))
                .hasMessageContaining("4 rows are neither one a token (5) nor one a sequence (2)");
    }
}
