package org.attune.kernel.optim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.kernel.spec.Optimizer;
import org.attune.kernel.spec.Optimizer.Adafactor.Form;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;

/**
 * Adafactor. A parameter of two or more axes is a stack of matrices [.., rows, columns], and of its squared gradients the means of
 * each row and of each column are remembered; of others, each element's. As the engine's tensors may be large, they are read three
 * times, some rows at a time: for the moments, for the size of the update, and for the update.
 */
final class FactoredMoments implements UpdateRule {
    private static final int AT_ONCE = 4096;
    /** Added to squared gradients in transformers' form. */
    private static final double TINY = 1e-30;
    /** The least variance in torch's form, and its root. */
    private static final double EPS = 0x1p-23;
    /** The least root mean square that a parameter counts with. */
    private static final double LEAST_SCALE = 1e-3;
    /** The decay of the moments at step t is 1 - t to this power. */
    private static final double DECAY = -0.8;

    private final Optimizer.Adafactor settings;
    private final boolean torch;

    FactoredMoments(Optimizer.Adafactor settings) {
        this.settings = settings;
        this.torch = settings.form() == Form.TORCH;
    }

    @Override
    public Map<String, Shape> memory(Shape parameter) {
        Map<String, Shape> memory = new LinkedHashMap<>();
        int[] dims = parameter.dims();
        if (dims.length < 2) {
            memory.put("exp_avg_sq", parameter);
        } else {
            int[] columns = Arrays.copyOf(dims, dims.length - 1);
            columns[dims.length - 2] = dims[dims.length - 1];
            memory.put("exp_avg_sq_row", Shape.of(Arrays.copyOf(dims, dims.length - 1)));
            memory.put("exp_avg_sq_col", Shape.of(columns));
        }
        if (settings.beta1() > 0) {
            memory.put("exp_avg", parameter);
        }
        return memory;
    }

    /** Whole tensors: an update depends on all of its elements. */
    @Override
    public List<Piece> cut(List<Tensor> parameters) {
        List<Piece> pieces = new ArrayList<>();
        for (Tensor p : parameters) {
            pieces.add(new Piece(pieces.size(), 0, p.shape().size()));
        }
        return pieces;
    }

    @Override
    public void update(Step step, Piece piece, Tensor p, Tensor g, List<Tensor> remembered) {
        if (piece.size() == 0) {
            return;
        }
        double fresh = Math.pow(step.t(), DECAY);
        int[] dims = p.shape().dims();
        Roots roots = dims.length < 2
                ? ofElements(fresh, g, remembered.get(0))
                : ofMatrices(fresh, g, remembered.get(0), remembered.get(1), dims);
        double[] squares = new double[2]; // of the update, of the parameter
        Walk walk = new Walk(p.engine(), piece.size());
        walk.each((from, n, own) -> {
            walk.read(g, from, n, own[0]);
            walk.read(p, from, n, own[1]);
            roots.of(from, n, own[2]);
            for (int i = 0; i < n; i++) {
                double u = own[0][i] * own[2][i];
                squares[0] += u * u;
                squares[1] += own[1][i] * own[1][i];
            }
        });
        double shrink = 1 / Math.max(1, Math.sqrt(squares[0] / piece.size()));
        double scale = Math.max(LEAST_SCALE, Math.sqrt(squares[1] / piece.size()));
        double rate = torch
                ? scale * Math.min(step.lr(), 1 / Math.sqrt(step.t()))
                : settings.scaleParameter() ? scale * step.lr() : step.lr();
        double decay = step.weightDecay() * (torch ? step.lr() : rate);
        Tensor mean = settings.beta1() > 0 ? remembered.get(remembered.size() - 1) : null;
        walk.each((from, n, own) -> {
            walk.read(g, from, n, own[0]);
            walk.read(p, from, n, own[1]);
            roots.of(from, n, own[2]);
            if (mean != null) {
                walk.read(mean, from, n, own[3]);
            }
            for (int i = 0; i < n; i++) {
                double u = rate * shrink * own[0][i] * own[2][i];
                if (mean != null) {
                    u = settings.beta1() * own[3][i] + (1 - settings.beta1()) * u;
                    own[3][i] = u;
                }
                own[1][i] = own[1][i] * (1 - decay) - u;
            }
            walk.write(own[1], p, from, n);
            if (mean != null) {
                walk.write(own[3], mean, from, n);
            }
        });
    }

    /** What gradients are multiplied by: 1 over the root of the second moment of each of some elements. */
    private interface Roots {
        void of(long from, int n, double[] into);
    }

    private Roots ofElements(double fresh, Tensor g, Tensor moments) {
        double[] gradient = g.toDoubles();
        double[] v = moments.toDoubles();
        for (int i = 0; i < v.length; i++) {
            v[i] += fresh * (gradient[i] * gradient[i] + (torch ? 0 : TINY) - v[i]);
        }
        moments.set(v);
        return (from, n, into) -> {
            for (int i = 0; i < n; i++) {
                double variance = v[(int) from + i];
                into[i] = 1 / Math.sqrt(torch ? Math.max(variance, EPS * EPS) : variance);
            }
        };
    }

    private Roots ofMatrices(double fresh, Tensor g, Tensor rowMoments, Tensor columnMoments, int[] dims) {
        int columns = dims[dims.length - 1];
        int rows = dims[dims.length - 2];
        long size = g.shape().size();
        double[] ofRow = new double[(int) (size / columns)];
        double[] ofColumn = new double[(int) (size / rows)];
        Walk walk = new Walk(g.engine(), size);
        walk.each((from, n, own) -> {
            walk.read(g, from, n, own[0]);
            int row = (int) (from / columns);
            int column = (int) (from % columns);
            for (int i = 0; i < n; i++) {
                double square = own[0][i] * own[0][i] + (torch ? 0 : TINY);
                ofRow[row] += square;
                ofColumn[row / rows * columns + column] += square;
                if (++column == columns) {
                    column = 0;
                    row++;
                }
            }
        });
        double[] r = moved(rowMoments, ofRow, columns, fresh);
        double[] c = moved(columnMoments, ofColumn, rows, fresh);
        double[] mean = new double[r.length / rows]; // of the rows of each matrix
        for (int i = 0; i < r.length; i++) {
            mean[i / rows] += r[i] / rows;
        }
        for (int i = 0; i < r.length; i++) {
            r[i] /= torch ? Math.max(mean[i / rows], EPS) : mean[i / rows];
        }
        return (from, n, into) -> {
            int row = (int) (from / columns);
            int column = (int) (from % columns);
            for (int i = 0; i < n; i++) {
                double variance = r[row] * c[row / rows * columns + column];
                into[i] = 1 / Math.sqrt(torch ? Math.max(variance, EPS * EPS) : variance);
                if (++column == columns) {
                    column = 0;
                    row++;
                }
            }
        };
    }

    /** Moves what is remembered towards the means of {@code sums} over {@code count}. */
    private static double[] moved(Tensor moments, double[] sums, int count, double fresh) {
        double[] v = moments.toDoubles();
        for (int i = 0; i < v.length; i++) {
            v[i] += fresh * (sums[i] / count - v[i]);
        }
        moments.set(v);
        return v;
    }

    /** Some elements after others. */
    private record Walk(TensorEngine engine, long size) {
        interface Some {
            /** @param own four buffers for the {@code n} elements */
            void of(long from, int n, double[][] own);
        }

        void each(Some some) {
            int most = (int) Math.min(size, AT_ONCE);
            double[][] own = new double[4][most];
            for (long from = 0; from < size; from += most) {
                some.of(from, (int) Math.min(most, size - from), own);
            }
        }

        void read(Tensor t, long from, int n, double[] into) {
            engine.read(t.storage().slice(from, n), into, 0, n);
        }

        void write(double[] values, Tensor t, long from, int n) {
            engine.write(values, 0, n, t.storage().slice(from, n));
        }
    }
}
