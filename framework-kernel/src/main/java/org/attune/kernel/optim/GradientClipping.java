package org.attune.kernel.optim;

import java.util.Collection;
import java.util.List;
import org.attune.tensor.Gradients;
import org.attune.tensor.Tensor;

/** The global gradient norm, and clipping by it, as {@code torch.nn.utils.clip_grad_norm_} does. */
public final class GradientClipping {
    /** PyTorch's guard against division by 0. */
    private static final double EPS = 1e-6;

    private GradientClipping() {}

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
     * Scales all gradients by {@code min(1, max / (norm + 1e-6))}.
     *
     * @param norm what {@link #norm} gave
     * @param max the largest norm allowed, above 0
     */
    public static void clip(Collection<Tensor> parameters, Gradients gradients, double norm, double max) {
        double coefficient = Math.min(1, max / (norm + EPS));
        if (coefficient == 1) {
            return;
        }
        for (Tensor p : parameters) {
            Tensor g = gradients.of(p);
            p.engine().affine(g.storage(), coefficient, 0, g.storage());
        }
    }
}
