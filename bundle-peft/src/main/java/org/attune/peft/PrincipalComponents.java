package org.attune.peft;

import java.util.ArrayList;
import java.util.List;
import org.attune.tensor.Rng;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.SingularOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;

/**
 * The directions in which rows that come in batches vary most (incremental PCA; Ross et al. 2008, "Incremental learning for robust visual
 * tracking"). Kept of all rows so far are their mean and their first components with singular values, which stand for those rows when the
 * next batch is added; so memory does not grow with the square of the rows' width.
 *
 * <p>Each decomposition is a subspace iteration (Halko et al. 2011, arXiv 0909.4061) that begins with the components so far and twice as
 * many directions as are kept, as PEFT's does. Products are the engine's.
 */
final class PrincipalComponents {
    /** As PEFT has torch do it. */
    private static final int ITERATIONS = 4;

    private final int count;
    private final int width;
    private final Rng rng;
    private long rows;
    private double[] mean;
    /** The sum of squared distances from the mean. */
    private double total;

    private double[] singular = {};
    private double[][] components = {};

    /**
     * @param count how many are kept, at most {@code width}
     * @param rng of the directions that a search begins with
     */
    PrincipalComponents(int count, int width, Rng rng) {
        this.count = count;
        this.width = width;
        this.rng = rng;
        this.mean = new double[width];
    }

    boolean isEmpty() {
        return rows == 0;
    }

    /** The {@code k}th, of length 1 [width]. */
    double[] component(int k) {
        return components[k];
    }

    /** Its singular value of all rows so far, less their mean. */
    double singular(int k) {
        return singular[k];
    }

    /** The share of the rows' variance that lies in it. */
    double explained(int k) {
        return singular[k] * singular[k] / total;
    }

    /**
     * Adds a batch.
     *
     * @param x [rows, width], at least as many rows as components
     * @return the cosine between each component and the one in its place before, without its sign; none of the first batch
     */
    double[] add(Tensor x) {
        double[][] before = components;
        Scope.inference(x.engine(), () -> {
            decompose(x.to(x.engine().dtype()));
            return null;
        });
        double[] cosines = new double[before.length];
        for (int k = 0; k < cosines.length; k++) {
            double cosine = 0;
            for (int j = 0; j < width; j++) {
                cosine += before[k][j] * components[k][j];
            }
            cosines[k] = Math.abs(cosine);
        }
        return cosines;
    }

    private void decompose(Tensor x) {
        int more = x.shape().dim(0);
        Tensor center = x.mean(0);
        Tensor centered = x.sub(center);
        List<Tensor> parts = new ArrayList<>(List.of(centered));
        total += centered.square().sum().item();
        double[] other = center.toDoubles();
        if (rows > 0) {
            double weight = (double) rows * more / (rows + more);
            double[] known = new double[(count + 1) * width];
            for (int k = 0; k < count; k++) {
                for (int j = 0; j < width; j++) {
                    known[k * width + j] = singular[k] * components[k][j];
                }
            }
            for (int j = 0; j < width; j++) { // the means differ: a row that varies as they do
                double apart = mean[j] - other[j];
                known[count * width + j] = Math.sqrt(weight) * apart;
                total += weight * apart * apart;
            }
            parts.add(Tensor.of(x.engine(), Shape.of(count + 1, width), known));
        }
        for (int j = 0; j < width; j++) {
            mean[j] += (other[j] - mean[j]) * more / (rows + more);
        }
        rows += more;
        search(Tensor.concat(0, parts));
    }

    /** @param matrix [rows, width] */
    private void search(Tensor matrix) {
        int size = Math.min(2 * count, Math.min(width, matrix.shape().dim(0)));
        DMatrixRMaj basis = new DMatrixRMaj(width, size);
        for (int j = 0; j < width; j++) {
            for (int k = 0; k < size; k++) {
                basis.set(j, k, k < components.length ? components[k][j] : rng.gaussian((long) j * size + k));
            }
        }
        Tensor image = null;
        for (int i = 0; i <= ITERATIONS; i++) {
            basis = orthonormal(basis);
            image = matrix.matmul(Tensor.of(matrix.engine(), Shape.of(width, size), basis.getData()));
            if (i < ITERATIONS) {
                basis.setData(matrix.matmul(image, true, false).toDoubles());
            }
        }
        SingularValueDecomposition_F64<DMatrixRMaj> svd =
                DecompositionFactory_DDRM.svd(matrix.shape().dim(0), size, false, true, true);
        if (!svd.decompose(DMatrixRMaj.wrap(matrix.shape().dim(0), size, image.toDoubles()))) {
            throw new ArithmeticException("inputs have no singular value decomposition");
        }
        DMatrixRMaj s = svd.getW(null);
        DMatrixRMaj turn = svd.getV(null, true); // [size, size], a row each
        SingularOps_DDRM.descendingOrder(null, false, s, turn, true);
        singular = new double[count];
        components = new double[count][width];
        for (int k = 0; k < count; k++) {
            singular[k] = s.get(k, k);
            for (int j = 0; j < width; j++) {
                for (int l = 0; l < size; l++) {
                    components[k][j] += turn.get(k, l) * basis.get(j, l);
                }
            }
        }
    }

    private static DMatrixRMaj orthonormal(DMatrixRMaj columns) {
        var qr = DecompositionFactory_DDRM.qr(columns.numRows, columns.numCols);
        if (!qr.decompose(columns)) {
            throw new ArithmeticException("directions have no QR decomposition");
        }
        return qr.getQ(null, true);
    }
}
