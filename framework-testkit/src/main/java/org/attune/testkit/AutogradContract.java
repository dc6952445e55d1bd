package org.attune.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Function;
import java.util.stream.DoubleStream;
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
}
