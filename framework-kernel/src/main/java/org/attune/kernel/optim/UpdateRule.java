package org.attune.kernel.optim;

import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.attune.kernel.spec.Optimizer;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;

/** How a parameter changes by its gradient. What is remembered from step to step is kept for it, and zero at first. */
interface UpdateRule {
    static UpdateRule of(Optimizer settings) {
        if (settings instanceof Optimizer.AdamW adamw && !adamw.amsgrad()) {
            return new EngineAdamW(adamw);
        }
        return settings instanceof Optimizer.Adafactor adafactor
                ? new FactoredMoments(adafactor)
                : ElementRule.of(settings);
    }

    /** The shapes of what is remembered of a parameter, by the names that PyTorch has for them. */
    Map<String, Shape> memory(Shape parameter);

    /** What is updated at once. */
    default List<Piece> cut(List<Tensor> parameters) {
        return Piece.cut(parameters);
    }

    /**
     * Updates a piece of {@code p} and of what is remembered, in place. Called for different pieces at once.
     *
     * @param remembered in the order of {@link #memory}
     */
    void update(Step step, Piece piece, Tensor p, Tensor g, List<Tensor> remembered);

    /**
     * @param lr learning rate of this step and this parameter
     * @param t which step this is for the parameter, from 1
     * @param given the momentum of this step; empty where that is the rule's own
     */
    record Step(double lr, double weightDecay, long t, OptionalDouble given) {
        double momentum(double own) {
            return given.orElse(own);
        }
    }
}
