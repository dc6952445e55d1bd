package org.attune.kernel.optim;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.kernel.spec.Optimizer;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AdamStep;

/** AdamW by the engine's own kernel. */
record EngineAdamW(Optimizer.AdamW settings) implements UpdateRule {
    @Override
    public Map<String, Shape> memory(Shape parameter) {
        Map<String, Shape> memory = new LinkedHashMap<>();
        memory.put("exp_avg", parameter);
        memory.put("exp_avg_sq", parameter);
        return memory;
    }

    @Override
    public void update(Step step, Piece piece, Tensor p, Tensor g, List<Tensor> remembered) {
        AdamStep adam = new AdamStep(
                step.lr(),
                step.momentum(settings.beta1()),
                settings.beta2(),
                settings.eps(),
                step.weightDecay(),
                step.t());
        p.engine().adam(adam, piece.of(p), piece.of(g), piece.of(remembered.get(0)), piece.of(remembered.get(1)));
    }
}
