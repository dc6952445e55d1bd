package org.attune.tensor;

import java.util.function.UnaryOperator;

/** The gradient of a stretch of computation that is done again for it (Chen et al. 2016, arXiv 1604.06174). */
final class Checkpoint implements Backward {
    private final Tensor x;
    private final UnaryOperator<Tensor> body;

    private Checkpoint(Tensor x, UnaryOperator<Tensor> body) {
        this.x = x;
        this.body = body;
    }

    static Tensor of(Tensor x, UnaryOperator<Tensor> body) {
        if (!Scope.recording()) {
            return Scope.frame(() -> body.apply(x));
        }
        Tensor out = Scope.withoutGradient(() -> Scope.frame(() -> body.apply(x.detach())));
        // The body may use parameters that are no inputs, so the result counts as dependent whatever x is.
        return Tensor.dependent(out, new Tensor[] {x}, new Checkpoint(x, body), new Tensor[0], new Tensor[] {x});
    }

    @Override
    public void apply(Tensor dy, InputGradients inputs) {
        throw new IllegalStateException("a checkpoint's gradient needs the pass that it is part of");
    }

    /** Takes over the outer pass's use of {@code dy}. */
    void apply(Tensor dy, InputGradients inputs, BackwardPass outer) {
        Tensor dx = inputs.needed(0) ? x.allocate(x.shape()) : null;
        try (Scope scope = Scope.open(x.engine())) {
            Tensor again = dx == null ? x.detach() : x.dependent(); // no leaf here either
            scope.backward(body.apply(again), dy, new BackwardPass(outer, again, dx));
        }
        if (dx != null) {
            inputs.add(0, dx);
        }
    }
}
