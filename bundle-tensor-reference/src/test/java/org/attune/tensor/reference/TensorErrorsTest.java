package org.attune.tensor.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;
import org.junit.jupiter.api.Test;

/** What a plug-in's author reads after handing an operation the wrong shapes. */
class TensorErrorsTest {
    private final ReferenceEngine engine = new ReferenceEngine();

    private Tensor zeros(int... dims) {
        return Tensor.zeros(engine, Shape.of(dims));
    }

    private static void refused(ThrowingCallable call, String message) {
        assertThatIllegalArgumentException().isThrownBy(call).withMessage(message);
    }

    @Test
    void values() {
        refused(() -> Tensor.of(engine, Shape.of(2, 2), 1f), "shape [2, 2] holds 4 values, given are 1");
        refused(() -> zeros(3).set(1.0, 2.0), "shape [3] holds 3 values, given are 2");
        assertThatIllegalStateException()
                .isThrownBy(() -> zeros(2).item())
                .withMessage("item() of a tensor of shape [2]");
    }

    @Test
    void products() {
        refused(() -> zeros(2, 3).matmul(zeros(4, 5)), "cannot multiply [2, 3] and [4, 5]");
        refused(() -> zeros(2, 3).matmul(zeros(3, 5), true, false), "cannot multiply [2, 3]^T and [3, 5]");
        refused(() -> zeros(3).matmul(zeros(3, 5)), "cannot multiply [3] and [3, 5]");
        refused(() -> zeros(2, 2, 3).matmul(zeros(4, 3, 5)), "cannot multiply [2, 2, 3] and [4, 3, 5]");
        refused(() -> zeros(2, 3, 1, 1).matmul(zeros(6, 1, 1)), "cannot multiply [2, 3, 1, 1] and [6, 1, 1]");
        refused(() -> zeros(2, 3).matmul(zeros(1, 3, 5)), "cannot multiply [2, 3] and [1, 3, 5]");
        refused(
                () -> zeros(2, 2).addMatmul(zeros(2, 3), zeros(3, 5), false, 1),
                "cannot add a product of shape [2, 5] to [2, 2]");
        refused(() -> zeros(2, 3).linear(zeros(5, 4), null), "a linear layer of weight [5, 4] cannot take [2, 3]");
        refused(() -> zeros(2, 3).linear(zeros(5, 3), zeros(3)), "bias [3] does not fit weight [5, 3]");
    }

    @Test
    void rows() {
        refused(
                () -> zeros(2, 3).layerNorm(zeros(2), zeros(3), 1e-5),
                "a norm with gamma [2] and beta [3] cannot take [2, 3]");
        refused(() -> zeros(2, 3).crossEntropy(1), "1 labels for logits of shape [2, 3]");
        refused(() -> zeros(1, 3).crossEntropy(3), "label 3 for 3 classes");
        refused(() -> zeros(1, 3).crossEntropy(-1), "label -1 for 3 classes");
    }

    @Test
    void movements() {
        refused(() -> zeros(2, 3).reshape(4, 2), "cannot reshape [2, 3] to [4, 2]");
        refused(() -> zeros(2, 3).permute(0, 0), "axes [0, 0] are no permutation for [2, 3]");
        refused(() -> zeros(2, 3).permute(0), "axes [0] are no permutation for [2, 3]");
        refused(() -> zeros(2, 3).slice(1, 2, 4), "slice 2..4 of axis 1 of [2, 3]");
        refused(() -> zeros(2, 3).sum(2), "axis 2 of shape [2, 3]");
        refused(() -> zeros(2, 3).gatherRows(0, 2), "row 2 of a tensor of shape [2, 3]");
        refused(() -> Tensor.concat(0, List.of()), "nothing to concatenate");
        refused(
                () -> Tensor.concat(0, List.of(zeros(2, 3), zeros(2, 4))),
                "cannot concatenate [2, 3] and [2, 4] along axis 0");
        refused(() -> Tensor.concat(0, List.of(zeros(2, 3), zeros())), "cannot concatenate [2, 3] and [] along axis 0");
    }

    @Test
    void attention() {
        AttentionLayout layout = AttentionLayout.self(new int[] {0, 2}, 2, 3, false);
        refused(
                () -> zeros(2, 5).attention(zeros(2, 6), zeros(2, 6), layout),
                "attention queries have shape [2, 5], the layout asks for [2, 6]");
        refused(
                () -> zeros(2, 6).attention(zeros(2, 6), zeros(3, 6), layout),
                "attention values have shape [3, 6], the layout asks for [2, 6]");
    }

    @Test
    void scopes() throws InterruptedException {
        Scope outer = Scope.open(engine);
        Scope inner = Scope.open(engine);
        String order = "scopes close in reverse order, on the thread that opened them";
        assertThatIllegalStateException().isThrownBy(outer::close).withMessage(order);
        Thread other = new Thread(
                () -> assertThatIllegalStateException().isThrownBy(inner::close).withMessage(order));
        Throwable[] failure = new Throwable[1];
        other.setUncaughtExceptionHandler((thread, e) -> failure[0] = e);
        other.start();
        other.join();
        inner.close();
        outer.close();
        assertThatIllegalStateException().isThrownBy(inner::close).withMessage(order);
        assertThat(failure[0]).isNull();
    }
}
