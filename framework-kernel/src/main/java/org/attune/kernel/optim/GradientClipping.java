package org.attune.kernel.optim;

import java.util.Collection;
import java.util.List;
import org.attune.tensor.Gradients;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;

/**
 * Clipping of gradients, as {@code torch.nn.utils.clip_grad_norm_} and {@code clip_grad_value_} do it.
 *
 * @param norm the largest norm of all gradients together; 0 for no such limit
 * @param value the largest absolute value of an element; 0 for no such limit
 */
public record GradientClipping(double norm, double value) {
    public static final GradientClipping NONE = new GradientClipping(0, 0);

    /** PyTorch's guard against division by 0. */
    private static final double EPS = 1e-6;

    private static final int AT_ONCE = 4096;

    /**
     * The square root of the sum of all squares, accumulated in float64 in the order of {@code parameters}. Not finite where a
     * gradient is not.
     */
    public static double norm(Collection<Tensor> parameters, Gradients gradients, Parallel parallel) {
        List<Tensor> all = List.copyOf(parameters);
        List<Piece> pieces = Piece.cut(all);
        double[] squares = new double[pieces.size()];
        parallel.each(pieces.size(), i -> {
            Tensor p = all.get(pieces.get(i).tensor());
            squares[i] = p.engine().sumOfSquares(pieces.get(i).of(gradients.of(p)));
        });
        double sum = 0;
        for (double some : squares) {
            sum += some;
        }
        return Math.sqrt(sum);
    }

    /**
     * Limits each element, and scales all gradients by {@code min(1, max / (norm + 1e-6))}.
     *
     * @param now what {@link #norm(Collection, Gradients, Parallel)} gave
     */
    public void clip(Collection<Tensor> parameters, Gradients gradients, double now, Parallel parallel) {
        if (value > 0) {
            List<Tensor> all = List.copyOf(parameters);
            List<Piece> pieces = Piece.cut(all);
            parallel.each(
                    pieces.size(), i -> limit(gradients.of(all.get(pieces.get(i).tensor())), pieces.get(i)));
        }
        double coefficient = norm > 0 ? Math.min(1, norm / (now + EPS)) : 1;
        if (coefficient == 1) {
            return;
        }
        for (Tensor p : parameters) {
            Tensor g = gradients.of(p);
            p.engine().affine(g.storage(), coefficient, 0, g.storage());
        }
    }

    private void limit(Tensor g, Piece piece) {
        TensorEngine engine = g.engine();
        double[] values = new double[(int) Math.min(AT_ONCE, piece.size())];
        for (long from = piece.from(); from < piece.from() + piece.size(); from += values.length) {
            int n = (int) Math.min(values.length, piece.from() + piece.size() - from);
            Storage some = g.storage().slice(from, n);
            engine.read(some, values, 0, n);
            for (int i = 0; i < n; i++) {
                values[i] = Math.max(-value, Math.min(value, values[i]));
            }
            engine.write(values, 0, n, some);
        }
    }
}
