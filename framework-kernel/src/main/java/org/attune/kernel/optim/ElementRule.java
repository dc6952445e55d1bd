package org.attune.kernel.optim;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.kernel.spec.Optimizer;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;

/**
 * A rule that is the same for each element, computed here in float64 and not by the engine, some thousand elements at a time: they
 * stay in the processor's cache. The formulas are those of PyTorch's classes of the same names, Lion's that of bitsandbytes.
 *
 * @param names of what is remembered, each as large as the parameter
 */
record ElementRule(List<String> names, Formula formula) implements UpdateRule {
    private static final int AT_ONCE = 4096;

    /** Changes the first {@code n} elements of {@code p} and of {@code memory}, and perhaps of {@code g}. */
    interface Formula {
        void update(Step step, int n, double[] p, double[] g, double[][] memory);
    }

    static ElementRule of(Optimizer settings) {
        if (settings instanceof Optimizer.AdamW s) {
            return adam(s.beta1(), s.beta2(), s.eps(), s.amsgrad(), true);
        }
        if (settings instanceof Optimizer.Adam s) {
            return adam(s.beta1(), s.beta2(), s.eps(), s.amsgrad(), false);
        }
        if (settings instanceof Optimizer.Sgd s) {
            return sgd(s);
        }
        if (settings instanceof Optimizer.RmsProp s) {
            return rmsProp(s);
        }
        if (settings instanceof Optimizer.Lion s) {
            return lion(s);
        }
        throw new IllegalArgumentException(settings + " is no rule for elements");
    }

    @Override
    public Map<String, Shape> memory(Shape parameter) {
        Map<String, Shape> memory = new LinkedHashMap<>();
        names.forEach(name -> memory.put(name, parameter));
        return memory;
    }

    @Override
    public void update(Step step, Piece piece, Tensor p, Tensor g, List<Tensor> remembered) {
        TensorEngine engine = p.engine();
        int most = (int) Math.min(AT_ONCE, piece.size());
        double[] values = new double[most];
        double[] gradient = new double[most];
        double[][] memory = new double[names.size()][most];
        for (long from = piece.from(); from < piece.from() + piece.size(); from += most) {
            int n = (int) Math.min(most, piece.from() + piece.size() - from);
            Storage at = p.storage().slice(from, n);
            engine.read(at, values, 0, n);
            engine.read(g.storage().slice(from, n), gradient, 0, n);
            for (int m = 0; m < memory.length; m++) {
                engine.read(remembered.get(m).storage().slice(from, n), memory[m], 0, n);
            }
            formula.update(step, n, values, gradient, memory);
            engine.write(values, 0, n, at);
            for (int m = 0; m < memory.length; m++) {
                engine.write(memory[m], 0, n, remembered.get(m).storage().slice(from, n));
            }
        }
    }

    /** @param decoupled whether weight decay is AdamW's */
    private static ElementRule adam(double ownBeta1, double beta2, double eps, boolean amsgrad, boolean decoupled) {
        List<String> names = new ArrayList<>(List.of("exp_avg", "exp_avg_sq"));
        if (amsgrad) {
            names.add("max_exp_avg_sq");
        }
        return new ElementRule(names, (step, n, p, g, memory) -> {
            double beta1 = step.momentum(ownBeta1);
            double size = step.lr() / (1 - Math.pow(beta1, step.t()));
            double root = Math.sqrt(1 - Math.pow(beta2, step.t()));
            for (int i = 0; i < n; i++) {
                double w = decoupled ? p[i] * (1 - step.lr() * step.weightDecay()) : p[i];
                double d = decoupled ? g[i] : g[i] + step.weightDecay() * p[i];
                memory[0][i] = beta1 * memory[0][i] + (1 - beta1) * d;
                memory[1][i] = beta2 * memory[1][i] + (1 - beta2) * d * d;
                double second = memory[1][i];
                if (amsgrad) {
                    memory[2][i] = Math.max(memory[2][i], second);
                    second = memory[2][i];
                }
                p[i] = w - size * memory[0][i] / (Math.sqrt(second) / root + eps);
            }
        });
    }

    /** The first gradient is the momentum's first value, whatever the dampening. */
    private static ElementRule sgd(Optimizer.Sgd s) {
        boolean momentum = s.momentum() > 0;
        return new ElementRule(momentum ? List.of("momentum_buffer") : List.of(), (step, n, p, g, memory) -> {
            double kept = step.t() == 1 ? 0 : step.momentum(s.momentum());
            double taken = step.t() == 1 ? 1 : 1 - s.dampening();
            for (int i = 0; i < n; i++) {
                double d = g[i] + step.weightDecay() * p[i];
                if (momentum) {
                    memory[0][i] = kept * memory[0][i] + taken * d;
                    d = s.nesterov() ? d + step.momentum(s.momentum()) * memory[0][i] : memory[0][i];
                }
                p[i] -= step.lr() * d;
            }
        });
    }

    private static ElementRule rmsProp(Optimizer.RmsProp s) {
        List<String> names = new ArrayList<>(List.of("square_avg"));
        if (s.centered()) {
            names.add("grad_avg");
        }
        if (s.momentum() > 0) {
            names.add("momentum_buffer");
        }
        return new ElementRule(names, (step, n, p, g, memory) -> {
            double[] squares = memory[0];
            double[] mean = s.centered() ? memory[1] : null;
            double[] buffer = s.momentum() > 0 ? memory[memory.length - 1] : null;
            for (int i = 0; i < n; i++) {
                double d = g[i] + step.weightDecay() * p[i];
                squares[i] = s.alpha() * squares[i] + (1 - s.alpha()) * d * d;
                double spread = squares[i];
                if (mean != null) {
                    mean[i] = s.alpha() * mean[i] + (1 - s.alpha()) * d;
                    spread = Math.max(0, spread - mean[i] * mean[i]); // below 0 by rounding alone
                }
                double update = d / (Math.sqrt(spread) + s.eps());
                if (buffer != null) {
                    buffer[i] = step.momentum(s.momentum()) * buffer[i] + update;
                    update = buffer[i];
                }
                p[i] -= step.lr() * update;
            }
        });
    }

    private static ElementRule lion(Optimizer.Lion s) {
        return new ElementRule(List.of("exp_avg"), (step, n, p, g, memory) -> {
            double beta1 = step.momentum(s.beta1());
            for (int i = 0; i < n; i++) {
                double direction = Math.signum(beta1 * memory[0][i] + (1 - beta1) * g[i]);
                p[i] = p[i] * (1 - step.lr() * step.weightDecay()) - step.lr() * direction;
                memory[0][i] = s.beta2() * memory[0][i] + (1 - s.beta2()) * g[i];
            }
        });
    }
}
