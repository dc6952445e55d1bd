package org.attune.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.DoubleStream;
import org.attune.tensor.DType;
import org.attune.tensor.Gradients;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.TensorEngine;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** See {@link EngineContract.Autograd}. */
abstract class AutogradContract {
    private final TensorEngine engine;
    private final Closeness close;
    private Tensor x;
    private Tensor y;
    private Gradients gradients;

    AutogradContract(TensorEngine engine) {
        this.engine = engine;
        this.close = Closeness.of(engine.dtype());
    }

    @BeforeEach
    void parameters() {
        x = Tensor.of(engine, Shape.of(3), 1.0, -0.5, 2.0).trainable();
        y = Tensor.of(engine, Shape.of(3), 0.5, 4.0, -1.0).trainable();
        gradients = new Gradients(List.of(x, y));
    }

    @AfterEach
    void free() {
        gradients.close();
        x.close();
        y.close();
    }

    /** Adds the gradients of the sum of {@code f(x)}. */
    private void backward(Function<Tensor, Tensor> f) {
        try (Scope scope = Scope.open(engine)) {
            scope.backward(f.apply(x).sum(), gradients);
        }
    }

    private void expect(Tensor parameter, double... expected) {
        close.check("gradient", gradients.of(parameter).toDoubles(), expected);
    }

    /** f over the elements of x. */
    private double[] map(DoubleUnaryOperator f) {
        return DoubleStream.of(1.0, -0.5, 2.0).map(f).toArray();
    }

    // ---- graphs ----

    @Test
    void aTensorUsedInTwoPlacesGetsBothGradients() {
        backward(x -> x.mul(x).add(x.mul(3)));
        expect(x, map(v -> 2 * v + 3));
    }

    @Test
    void aTensorAddedToItselfCountsTwice() {
        backward(x -> x.add(x).add(x));
        expect(x, 3, 3, 3);
        gradients.zero();
        backward(x -> {
            Tensor h = x.mul(2);
            return h.add(h).sub(h);
        });
        expect(x, 2, 2, 2);
    }

    @Test
    void aDiamondSumsItsSides() {
        backward(x -> {
            Tensor top = x.exp();
            return top.square().mul(top.mul(2));
        });
        expect(x, map(v -> 6 * Math.exp(3 * v)));
    }

    @Test
    void diamondsInARowMultiply() {
        backward(x -> {
            Tensor h = x;
            for (int i = 0; i < 10; i++) {
                h = h.add(h.reshape(3));
            }
            return h;
        });
        expect(x, 1024, 1024, 1024);
    }

    /** The gradient of a sum is one tensor for both sides; a side that adds to it must not change the other's. */
    @Test
    void aGradientThatIsPassedOnToTwoInputsStaysWhole() {
        backward(x -> {
            Tensor a = x.mul(2);
            Tensor b = y.mul(3);
            Tensor sum = a.add(b);
            return sum.reshape(3, 1).reshape(3).add(a).add(b.mul(5)).add(sum);
        });
        expect(x, 6, 6, 6);
        expect(y, 21, 21, 21);
    }

    @Test
    void reshapesMayBeChained() {
        backward(x -> x.reshape(3, 1)
                .reshape(1, 3)
                .reshape(1, 1, 3)
                .square()
                .reshape(3)
                .reshape(3, 1));
        expect(x, map(v -> 2 * v));
    }

    @Test
    void branchesThatLeadNowhereDoNotCount() {
        backward(x -> {
            x.exp().mul(y).sum();
            Tensor used = x.mul(4);
            used.square();
            return used;
        });
        expect(x, 4, 4, 4);
        expect(y, 0, 0, 0);
    }

    @Test
    void gradientsReachTrainableTensorsThroughFrozenOnes() {
        Tensor frozen = Tensor.of(engine, Shape.of(3, 3), 1.0, 2, 3, 4, 5, 6, 7, 8, 9);
        backward(x -> x.linear(frozen, y));
        expect(x, 12, 15, 18);
        expect(y, 1, 1, 1);
        frozen.close();
    }

    // ---- what is not differentiated ----

    @Test
    void detachedTensorsAreConstants() {
        backward(x -> x.mul(x.detach()));
        expect(x, map(v -> v));
        gradients.zero();
        backward(x -> {
            Tensor h = x.mul(2);
            return h.mul(h.detach());
        });
        expect(x, map(v -> 4 * v));
    }

    @Test
    void nothingIsRecordedWithoutGradient() {
        backward(x -> {
            Tensor constant = Scope.withoutGradient(x::exp);
            assertThat(constant.requiresGradient()).isFalse();
            return x.mul(constant);
        });
        expect(x, map(Math::exp));
    }

    @Test
    void aLossOfConstantsHasNoGradient() {
        backward(x -> x.detach().exp());
        expect(x, 0, 0, 0);
    }

    // ---- custom operations ----

    /** The gradient of {@code x} is reversed; nothing is copied. */
    private static Tensor reversed(Tensor x) {
        return Tensor.custom(List.of(x), in -> in.get(0), (dy, in) -> in.add(0, dy.neg()));
    }

    @Test
    void aCustomOperationMayReturnItsInput() {
        backward(AutogradContract::reversed);
        expect(x, -1, -1, -1);
        assertThat(x.toDoubles()).as("the parameter is not freed").containsExactly(1, -0.5, 2);
        gradients.zero();
        backward(x -> {
            Tensor h = x.exp();
            Tensor saved = h.square();
            return saved.add(reversed(h));
        });
        expect(x, map(v -> 2 * Math.exp(2 * v) - Math.exp(v)));
        gradients.zero();
        backward(x -> reversed(reversed(x.reshape(3, 1))).square());
        expect(x, map(v -> 2 * v));
    }

    @Test
    void aCustomOperationMayReshapeItsInput() {
        backward(x -> Tensor.custom(
                        List.of(x.exp()), in -> in.get(0).reshape(1, 3), (dy, in) -> in.add(0, dy.reshape(3)))
                .mul(2));
        expect(x, map(v -> 2 * Math.exp(v)));
    }

    @Test
    void aCustomOperationMayGiveOneGradientToSeveralInputs() {
        backward(x -> Tensor.custom(List.of(x, y, x), in -> in.get(0).add(in.get(1)), (dy, in) -> {
            Tensor shared = dy.mul(7);
            in.add(0, shared);
            in.add(1, shared);
            in.add(2, shared);
        }));
        expect(x, 14, 14, 14);
        expect(y, 7, 7, 7);
    }

    @Test
    void aCustomOperationLearnsWhatIsNeeded() {
        List<Boolean> needed = new ArrayList<>();
        backward(x -> Tensor.custom(List.of(x, y.detach()), in -> in.get(0).mul(in.get(1)), (dy, in) -> {
            needed.add(in.needed(0));
            needed.add(in.needed(1));
            in.add(0, dy.mul(y));
            in.add(1, dy.mul(x)); // not needed: ignored
        }));
        assertThat(needed).containsExactly(true, false);
        expect(x, 0.5, 4, -1);
        expect(y, 0, 0, 0);
    }

    @Test
    void aGradientOfTheWrongShapeIsRefused() {
        assertThatIllegalStateException()
                .isThrownBy(() -> backward(
                        x -> Tensor.custom(List.of(x), in -> in.get(0).exp(), (dy, in) -> in.add(0, dy.sum()))))
                .withMessage("a gradient of shape [] for an input of shape [3]");
    }

    // ---- scopes ----

    @Test
    void microBatchesAddUp() {
        backward(Tensor::square);
        backward(x -> x.mul(y));
        expect(x, map(v -> 2 * v)[0] + 0.5, map(v -> 2 * v)[1] + 4, map(v -> 2 * v)[2] - 1);
        expect(y, map(v -> v));
    }

    @Test
    void aScopeMayGoBackwardSeveralTimes() {
        try (Scope scope = Scope.open(engine)) {
            for (int i = 0; i < 3; i++) {
                scope.backward(x.square().sum(), gradients);
            }
        }
        expect(x, map(v -> 6 * v));
    }

    @Test
    void innerScopesHaveTapesOfTheirOwn() {
        try (Scope outer = Scope.open(engine)) {
            Tensor h = x.mul(3);
            Tensor constant = h.detach();
            try (Scope inner = Scope.open(engine)) {
                inner.backward(y.mul(constant).sum(), gradients);
                assertThatIllegalStateException().as("outer first").isThrownBy(outer::close);
            }
            expect(y, map(v -> 3 * v));
            expect(x, 0, 0, 0);
            outer.backward(h.square().sum(), gradients);
        }
        expect(x, map(v -> 18 * v));
    }

    @Test
    void aScopeInsideABackwardMayDifferentiate() {
        backward(x -> Tensor.custom(List.of(x), in -> in.get(0).exp(), (dy, in) -> {
            Tensor leaf = x.detach().trainable();
            try (Gradients own = new Gradients(List.of(leaf))) {
                try (Scope recomputed = Scope.open(engine)) {
                    recomputed.backward(leaf.exp().sum(), own);
                }
                in.add(0, dy.mul(own.of(leaf)));
            }
        }));
        expect(x, map(Math::exp));
    }

    @Test
    void gradientsThatWouldGetLostAreRefused() {
        try (Scope outer = Scope.open(engine)) {
            Tensor h = x.exp();
            try (Scope inner = Scope.open(engine)) {
                Tensor loss = h.square().sum();
                assertThatIllegalStateException()
                        .isThrownBy(() -> inner.backward(loss, gradients))
                        .withMessageContaining("another scope's operation");
            }
            Tensor loss = h.sum();
            outer.backward(loss, gradients);
            assertThatIllegalStateException()
                    .isThrownBy(() -> outer.backward(loss, gradients))
                    .withMessageContaining("not on this scope's tape");
        }
    }

    @Test
    void onlyAScalarIsALoss() {
        try (Scope scope = Scope.open(engine)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> scope.backward(x.exp(), gradients))
                    .withMessage("the loss must be a scalar, not of shape [3]");
        }
    }

    @Test
    void aParameterMayBeTheLoss() {
        try (Tensor w = Tensor.of(engine, Shape.SCALAR, 3.0).trainable();
                Gradients own = new Gradients(List.of(w));
                Scope scope = Scope.open(engine)) {
            scope.backward(w, own);
            assertThat(own.of(w).item()).isEqualTo(1);
        }
    }

    @Test
    void gradientsOfWorkersAreAddedUp() {
        try (Gradients other = new Gradients(List.of(x, y));
                Scope scope = Scope.open(engine)) {
            scope.backward(x.mul(y).sum(), other);
            backward(x -> x.mul(2));
            gradients.add(0.5, other);
            expect(x, 2.25, 4, 1.5);
            expect(y, map(v -> 0.5 * v));
            assertThatIllegalArgumentException().isThrownBy(() -> gradients.of(x.detach()));
        }
    }

    // ---- values to the last bit ----

    @Test
    void ignoredLabelsHaveNoLossAndNoGradient() {
        try (Tensor logits =
                        Tensor.of(engine, Shape.of(3, 2), 1.0, 2, 3, 4, 5, 6).trainable();
                Gradients own = new Gradients(List.of(logits));
                Scope scope = Scope.open(engine)) {
            Tensor losses = logits.crossEntropy(-100, 1, -100);
            assertThat(losses.toDoubles()[0]).isZero();
            assertThat(losses.toDoubles()[2]).isZero();
            scope.backward(losses.sum(), own);
            double[] g = own.of(logits).toDoubles();
            assertThat(new double[] {g[0], g[1], g[4], g[5]}).containsOnly(0);
            assertThat(g[2]).isPositive();
            assertThat(g[3]).isNegative();
        }
    }

    /** The second is read by a gradient, so it must be left alone. */
    @Test
    void aSumInPlaceIsTheSumAndHasItsGradients() {
        for (UnaryOperator<Tensor> made : List.<UnaryOperator<Tensor>>of(t -> t.mul(2), Tensor::softmax)) {
            assertThat(inPlace(made, true)).usingRecursiveComparison().isEqualTo(inPlace(made, false));
        }
    }

    private List<double[]> inPlace(UnaryOperator<Tensor> made, boolean inPlace) {
        try (Tensor c = Tensor.of(engine, Shape.of(2, 3), 1.0, -2, 3, 0.5, 5, -1)
                        .trainable();
                Tensor a = Tensor.of(engine, Shape.of(2, 2), 1.0, 2, 3, 4).trainable();
                Tensor b =
                        Tensor.of(engine, Shape.of(2, 3), 0.5, -1, 2, 1, 0, 3).trainable();
                Gradients own = new Gradients(List.of(c, a, b));
                Scope scope = Scope.open(engine)) {
            Tensor sum = Scope.frame(() -> inPlace
                    ? made.apply(c).addMatmulInPlace(a, b, false, 0.5)
                    : made.apply(c).addMatmul(a, b, false, 0.5));
            double[] value = sum.toDoubles();
            scope.backward(sum.square().sum(), own);
            return List.of(
                    value,
                    own.of(c).toDoubles(),
                    own.of(a).toDoubles(),
                    own.of(b).toDoubles());
        }
    }

    @Test
    void repeatedRowsAddUp() {
        backward(x -> x.gatherRows(2, 0, 2, 2));
        assertThat(gradients.of(x).toDoubles()).containsExactly(1, 0, 3);
    }

    @Test
    void theCallersArraysMayChangeBeforeBackward() {
        int[] rows = {2, 2};
        List<Tensor> parts = new ArrayList<>(List.of(x, y));
        backward(x -> {
            Tensor picked = x.gatherRows(rows).sum();
            Arrays.fill(rows, 0);
            Tensor joined = Tensor.concat(0, parts).sum();
            parts.clear();
            return picked.add(joined);
        });
        assertThat(gradients.of(x).toDoubles()).containsExactly(1, 1, 3);
    }

    @Test
    void slicesConcatenateToTheWhole() {
        double[] numbers = Values.ANY.draw(Shape.of(2, 5, 3), 1);
        Scopes.run(engine, () -> {
            Tensor t = Tensor.of(engine, Shape.of(2, 5, 3), numbers);
            for (int axis = 0; axis < 3; axis++) {
                int end = t.shape().dim(axis);
                Tensor joined =
                        Tensor.concat(axis, List.of(t.slice(axis, 0, 1), t.slice(axis, 1, 1), t.slice(axis, 1, end)));
                assertThat(joined.toDoubles()).containsExactly(numbers);
            }
            assertThat(t.slice(1, 3, 4).toDoubles())
                    .containsExactly(numbers[9], numbers[10], numbers[11], numbers[24], numbers[25], numbers[26]);
        });
    }

    @Test
    void permutationsMoveElements() {
        Scopes.run(engine, () -> {
            Tensor t = Tensor.of(engine, Shape.of(1, 2, 3), 1.0, 2, 3, 4, 5, 6);
            Tensor p = t.permute(2, 0, 1);
            assertThat(p.shape()).isEqualTo(Shape.of(3, 1, 2));
            assertThat(p.toDoubles()).containsExactly(1, 4, 2, 5, 3, 6);
            assertThat(p.permute(1, 2, 0).toDoubles()).containsExactly(1, 2, 3, 4, 5, 6);
        });
    }

    @Test
    void sumsRunAlongTheirAxis() {
        Scopes.run(engine, () -> {
            Tensor t = Tensor.of(engine, Shape.of(2, 3), 1.0, 2, 3, 4, 5, 6);
            assertThat(t.sum(0).toDoubles()).containsExactly(5, 7, 9);
            assertThat(t.sum(-1).toDoubles()).containsExactly(6, 15);
            assertThat(t.sum().item()).isEqualTo(21);
            assertThat(t.mean().item()).isEqualTo(3.5);
        });
    }

    @Test
    void extentsOfOneAreRepeated() {
        Scopes.run(engine, () -> {
            Tensor column = Tensor.of(engine, Shape.of(2, 1), 10.0, 20);
            Tensor row = Tensor.of(engine, Shape.of(3), 1.0, 2, 3);
            Tensor sum = column.add(row);
            assertThat(sum.shape()).isEqualTo(Shape.of(2, 3));
            assertThat(sum.toDoubles()).containsExactly(11, 12, 13, 21, 22, 23);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> row.add(Tensor.of(engine, Shape.of(2), 1.0, 2)))
                    .withMessage("shapes [3] and [2] do not broadcast");
        });
    }

    @Test
    void causalAttentionSeesNoLaterKey() {
        double[] numbers = Values.ANY.draw(Shape.of(4, 2), 1);
        double[] changed = numbers.clone();
        changed[6] = 1.5;
        changed[7] = -1.5;
        assertThat(Arrays.copyOf(attend(changed), 6)).containsExactly(Arrays.copyOf(attend(numbers), 6));
    }

    private double[] attend(double[] keys) {
        return Scopes.within(engine, () -> {
            Tensor q = Tensor.of(engine, Shape.of(4, 2), Values.ANY.draw(Shape.of(4, 2), 2));
            Tensor k = Tensor.of(engine, Shape.of(4, 2), keys);
            return q.attention(k, k, AttentionLayout.self(new int[] {0, 4}, 1, 2, true))
                    .toDoubles();
        });
    }

    // ---- checkpoints ----

    /** A stretch that reads its input several times and has a parameter of its own. */
    private Tensor stretch(Tensor h) {
        return h.exp().mul(y).add(h.square()).add(h);
    }

    /** The gradients of x and y, to the bit. */
    private void expectSame(Function<Tensor, Tensor> checkpointed, Function<Tensor, Tensor> plain) {
        gradients.zero();
        backward(plain);
        double[] ofX = gradients.of(x).toDoubles();
        double[] ofY = gradients.of(y).toDoubles();
        gradients.zero();
        backward(checkpointed);
        assertThat(gradients.of(x).toDoubles()).containsExactly(ofX);
        assertThat(gradients.of(y).toDoubles()).containsExactly(ofY);
    }

    @Test
    void aCheckpointChangesNoBit() {
        expectSame(
                x -> x.mul(2).checkpoint(this::stretch).tanh(),
                x -> stretch(x.mul(2)).tanh());
    }

    @Test
    void checkpointsFollowOneAnother() {
        expectSame(
                x -> x.mul(0.3).checkpoint(this::stretch).checkpoint(this::stretch), x -> stretch(stretch(x.mul(0.3))));
    }

    @Test
    void checkpointsNest() {
        expectSame(
                x -> x.mul(0.3).checkpoint(h -> stretch(h.checkpoint(this::stretch))),
                x -> stretch(stretch(x.mul(0.3))));
    }

    @Test
    void aCheckpointsInputMayNeedNoGradient() {
        expectSame(x -> x.detach().checkpoint(this::stretch), x -> stretch(x.detach()));
        assertThat(gradients.of(x).toDoubles()).containsOnly(0);
        assertThat(gradients.of(y).toDoubles()).doesNotContain(0);
    }

    @Test
    void aCheckpointsInputMayBeAParameter() {
        expectSame(x -> x.checkpoint(this::stretch), this::stretch);
    }

    /** The gradient that comes in is passed on to both sides of the sum; neither may change the other's. */
    @Test
    void aCheckpointMayStandBesideAResidual() {
        backward(x -> {
            Tensor h = x.mul(2);
            return h.checkpoint(a -> a.add(a.mul(3)).add(a)).add(h);
        });
        expect(x, 12, 12, 12);
        gradients.zero();
        backward(x -> {
            Tensor h = x.mul(2);
            return h.add(h.checkpoint(a -> a.reshape(3, 1).reshape(3))).add(h);
        });
        expect(x, 6, 6, 6);
    }

    @Test
    void aCheckpointMayReturnItsInputOrIgnoreIt() {
        expectSame(x -> x.mul(2).checkpoint(h -> h), x -> x.mul(2));
        expectSame(x -> x.mul(2).checkpoint(h -> y.square()), x -> y.square());
        assertThat(gradients.of(x).toDoubles()).containsOnly(0);
    }

    @Test
    void aCheckpointHoldsItsInputAlone() {
        try (Tensor large = Tensor.zeros(engine, Shape.of(5000)).trainable();
                Gradients own = new Gradients(List.of(large));
                Scope scope = Scope.open(engine)) {
            long before = engine.stats().liveBytes();
            Tensor one = large.add(0);
            long each = engine.stats().liveBytes() - before;
            Tensor h = one.checkpoint(t -> t.exp().tanh().exp().square().exp());
            assertThat(engine.stats().liveBytes() - before)
                    .as("input and result")
                    .isEqualTo(2 * each);
            scope.backward(h.sum(), own);
            assertThat(engine.stats().liveBytes() - before).as("in the end").isLessThan(each);
        }
    }

    @Test
    void whatACheckpointComputesFromOutsideIsRefused() {
        assertThatIllegalStateException()
                .isThrownBy(() -> backward(x -> {
                    Tensor h = x.mul(2);
                    return x.checkpoint(t -> t.mul(h));
                }));
    }

    // ---- frames ----

    @Test
    void aFrameFreesWhatNoGradientReads() {
        try (Tensor large = Tensor.zeros(engine, Shape.of(5000)).trainable();
                Gradients own = new Gradients(List.of(large));
                Scope scope = Scope.open(engine)) {
            long before = engine.stats().liveBytes();
            Tensor sum = Scope.frame(() -> large.add(1).add(2).add(3));
            long one = engine.stats().liveBytes() - before;
            Tensor read = Scope.frame(() -> large.add(1).add(2).exp().add(3));
            assertThat(engine.stats().liveBytes() - before)
                    .as("two results and the argument of exp")
                    .isEqualTo(3 * one);
            Tensor mask = large.detach();
            Tensor masked = Scope.frame(() -> large.add(1).mul(mask).add(3));
            assertThat(engine.stats().liveBytes() - before)
                    .as("a product with a constant reads the constant alone")
                    .isEqualTo(4 * one);
            scope.backward(sum.mul(read).mul(masked).sum(), own);
            assertThat(own.of(large).toDoubles()).doesNotContain(Double.NaN);
        }
    }

    @Test
    void framesNest() {
        try (Scope scope = Scope.open(engine)) {
            long before = engine.stats().liveBytes();
            Tensor result = Scope.frame(() -> Scope.frame(() -> x.mul(2).exp().add(1))
                    .tanh()
                    .add(Scope.frame(() -> x.mul(3).add(1))));
            long framed = engine.stats().liveBytes() - before;
            scope.backward(result.sum(), gradients);
            assertThat(framed).isPositive();
        }
        double[] framed = gradients.of(x).toDoubles();
        gradients.zero();
        backward(x -> x.mul(2).exp().add(1).tanh().add(x.mul(3).add(1)));
        assertThat(framed).containsExactly(gradients.of(x).toDoubles());
    }

    @Test
    void aFrameGivesBackEvenIfItsBodyFails() {
        try (Scope scope = Scope.open(engine)) {
            assertThatIllegalStateException()
                    .isThrownBy(() -> Scope.frame(() -> {
                        x.exp();
                        throw new IllegalStateException("the body fails");
                    }));
            scope.backward(Scope.frame(() -> x.mul(2).exp()).sum(), gradients);
        }
        expect(x, map(v -> 2 * Math.exp(2 * v)));
    }

    /** Everything at once, each layer in a frame, some of them checkpointed. */
    @Test
    void aModelInFramesAndCheckpointsGivesTheSameBits() {
        try (SmallModel model = new SmallModel(engine)) {
            double[] plain = model.lossAndGradients(UnaryOperator.identity());
            assertThat(model.lossAndGradients(layer -> h -> Scope.frame(() -> layer.apply(h))))
                    .as("frames")
                    .containsExactly(plain);
            assertThat(model.lossAndGradients(layer -> h -> h.checkpoint(layer)))
                    .as("checkpoints")
                    .containsExactly(plain);
            assertThat(model.lossAndGradients(layer -> h -> Scope.frame(() -> h.checkpoint(layer))))
                    .as("both")
                    .containsExactly(plain);
        }
    }

    // ---- sums in place ----

    /** A parameter's sum is added to in place; through a copy of it the gradient arrives as a tensor of its own. */
    @Test
    void gradientsAddedInPlaceEqualGradientsAdded() {
        int[] labels = {1, -100, 0, 2};
        List<BiFunction<Tensor, Tensor, Tensor>> operations = List.of(
                (a, w) -> a.linear(w, null),
                (a, w) -> w.linear(a, null),
                (a, w) -> a.matmul(w, false, true),
                (a, w) -> w.matmul(a, false, true),
                (a, w) -> a.matmul(w, true, false).matmul(w, false, true),
                (a, w) -> a.addMatmul(a, w.matmul(w, true, false), false, 0.5),
                (a, w) -> w.gatherRows(2, 0, 2),
                (a, w) -> a.linearCrossEntropy(w, labels));
        double[] numbers = Values.ANY.draw(Shape.of(4, 4), 1);
        try (Tensor a = Tensor.of(engine, Shape.of(4, 4), numbers);
                Tensor w = Tensor.of(engine, Shape.of(4, 4), Values.ANY.draw(Shape.of(4, 4), 2))
                        .trainable();
                Gradients inPlace = new Gradients(List.of(w));
                Gradients added = new Gradients(List.of(w))) {
            for (BiFunction<Tensor, Tensor, Tensor> operation : operations) {
                inPlace.zero();
                added.zero();
                for (int twice = 0; twice < 2; twice++) {
                    try (Scope scope = Scope.open(engine)) {
                        scope.backward(operation.apply(a, w).sum(), inPlace);
                        scope.backward(operation.apply(a, w.mul(1)).sum(), added);
                    }
                }
                close.ofSums(added.of(w).toDoubles())
                        .check(
                                "gradient",
                                inPlace.of(w).toDoubles(),
                                added.of(w).toDoubles());
            }
        }
    }

    /** What a custom operation adds to in place counts once. */
    @Test
    void aCustomOperationMayAddInPlace() {
        List<Boolean> offered = new ArrayList<>();
        backward(x -> Tensor.custom(List.of(x, y.mul(1)), in -> in.get(0).add(in.get(1)), (dy, in) -> {
            offered.add(in.accumulator(0) != null);
            offered.add(in.accumulator(1) != null);
            engine.accumulate(5, dy.storage(), in.accumulator(0).storage());
            in.add(1, dy);
        }));
        assertThat(offered).containsExactly(true, false);
        expect(x, 5, 5, 5);
        expect(y, 1, 1, 1);
    }

    // ---- the cross-entropy of a large vocabulary ----

    /** More rows than are computed at once; some labelled, some not; x and the weight trained, or one of them. */
    @Test
    void linearCrossEntropyEqualsItsParts() {
        int rows = 290;
        int hidden = 5;
        int classes = 19;
        int[] labels = new int[rows];
        Arrays.setAll(labels, i -> i % 3 == 1 ? -100 : i * 11 % classes);
        int[] all = new int[rows];
        Arrays.setAll(all, i -> i * 7 % classes);
        Shape shape = Shape.of(rows, hidden);
        Shape weightShape = Shape.of(classes, hidden);
        for (int[] given : List.of(labels, all)) {
            for (int trained = 1; trained < 4; trained++) {
                boolean trainX = trained % 2 == 1;
                boolean trainWeight = trained >= 2;
                List<OperationCase.Outcome> outcomes = new ArrayList<>();
                for (boolean whole : new boolean[] {true, false}) {
                    Tensor a = Tensor.of(engine, shape, Values.ANY.draw(shape, 1));
                    Tensor w = Tensor.of(engine, weightShape, Values.ANY.draw(weightShape, 2));
                    outcomes.add(OperationCase.run(
                            engine,
                            List.of(trainX ? a.trainable() : a, trainWeight ? w.trainable() : w),
                            in -> whole
                                    ? in.get(0).linearCrossEntropy(in.get(1), given)
                                    : in.get(0).linear(in.get(1), null).crossEntropy(given)));
                }
                OperationCase.Outcome expected = outcomes.get(1);
                close.check("losses", outcomes.get(0).values(), expected.values());
                for (int i = 0; i < 2; i++) {
                    if (expected.gradients().get(i) != null) {
                        double[] gradient = expected.gradients().get(i);
                        close.ofSums(gradient)
                                .check(
                                        "gradient " + i,
                                        outcomes.get(0).gradients().get(i),
                                        gradient);
                    }
                }
            }
        }
    }

    /** The logits of all rows would take more than everything else. */
    @Test
    void linearCrossEntropyNeverHoldsAllLogits() {
        int rows = 1500;
        int classes = 2000;
        int[] labels = new int[rows];
        Arrays.setAll(labels, i -> i % classes);
        try (Tensor a = Tensor.zeros(engine, Shape.of(rows, 2)).trainable();
                Tensor w = Tensor.zeros(engine, Shape.of(classes, 2));
                Gradients own = new Gradients(List.of(a));
                Scope scope = Scope.open(engine)) {
            long logits = (long) rows * classes * engine.dtype().bytes();
            long before = engine.stats().liveBytes();
            Tensor losses = a.linearCrossEntropy(w, labels);
            assertThat(engine.stats().liveBytes() - before).isLessThan(logits / 20);
            scope.backward(losses.sum(), own);
            assertThat(own.of(a).toDoubles()).containsOnly(0);
        }
    }

    // ---- types ----

    /** A frozen model in a narrow type, parameters in the engine's: what is trained gets gradients of the engine's type. */
    @Test
    void parametersKeepTheirTypeWhereActivationsAreNarrow() {
        for (DType narrow : engine.dtypes()) {
            gradients.zero();
            List<DType> seen = new ArrayList<>();
            backward(x -> {
                Tensor h = x.reshape(3, 1).to(narrow);
                Tensor up = h.linear(y.reshape(3, 1), null); // the outer product
                seen.add(up.dtype());
                return Tensor.custom(List.of(up), in -> in.get(0), (dy, in) -> {
                    seen.add(dy.dtype());
                    in.add(0, dy.to(engine.dtype())); // another type than the input's: converted
                });
            });
            assertThat(seen).containsExactly(narrow, narrow);
            assertThat(gradients.of(x).dtype()).isEqualTo(engine.dtype());
            Precision.check("gradient of x", narrow, gradients.of(x).toDoubles(), new double[] {3.5, 3.5, 3.5});
            Precision.check("gradient of y", narrow, gradients.of(y).toDoubles(), new double[] {2.5, 2.5, 2.5});
        }
    }
}
