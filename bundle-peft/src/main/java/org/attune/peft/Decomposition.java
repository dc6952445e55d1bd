package org.attune.peft;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.SingularOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.ejml.interfaces.decomposition.EigenDecomposition_F64;
import org.ejml.interfaces.decomposition.SingularValueDecomposition_F64;

/**
 * First values of a low-rank update that are a part of the base model's own weight: {@code W = W' + s B A}, where W' is trained on
 * top of.
 *
 * @param a [rank, in], row-major
 * @param b [out, rank], row-major
 */
record Decomposition(double[] a, double[] b) {
    /**
     * The principal part (PiSSA, Meng et al. 2024, arXiv 2404.02948): {@code A = sqrt(S_r / s) V_r^T}, {@code B = U_r sqrt(S_r / s)} of
     * W = U S V^T with falling singular values, so that s B A is the best approximation of W of that rank.
     *
     * @param weight [out, in], row-major
     */
    static Decomposition principal(double[] weight, int out, int in, int rank, double scale) {
        SingularValueDecomposition_F64<DMatrixRMaj> svd = DecompositionFactory_DDRM.svd(out, in, true, true, true);
        if (!svd.decompose(DMatrixRMaj.wrap(out, in, weight.clone()))) {
            throw new ArithmeticException("a weight [" + out + ", " + in + "] has no singular value decomposition");
        }
        DMatrixRMaj u = svd.getU(null, false);
        DMatrixRMaj s = svd.getW(null);
        DMatrixRMaj v = svd.getV(null, true);
        SingularOps_DDRM.descendingOrder(u, false, s, v, true);
        double[] a = new double[rank * in];
        double[] b = new double[out * rank];
        for (int k = 0; k < rank; k++) {
            double root = Math.sqrt(s.get(k, k) / scale);
            for (int j = 0; j < in; j++) {
                a[k * in + j] = root * v.get(k, j);
            }
            for (int i = 0; i < out; i++) {
                b[i * rank + k] = root * u.get(i, k);
            }
        }
        return new Decomposition(a, b);
    }

    /**
     * The nearest matrix of a rank: {@code B = P}, {@code A = P^T D}, where P [out, rank] are the first left singular vectors of D. They are
     * eigenvectors of the smaller of the two matrices of second moments, in float64.
     *
     * @param d [out, in], row-major
     */
    static Decomposition nearest(double[] d, int out, int in, int rank) {
        DMatrixRMaj matrix = DMatrixRMaj.wrap(out, in, d);
        if (out <= in) {
            DMatrixRMaj moments = new DMatrixRMaj(out, out);
            CommonOps_DDRM.multTransB(matrix, matrix, moments);
            DMatrixRMaj p = leading(moments, rank);
            DMatrixRMaj a = new DMatrixRMaj(rank, in);
            CommonOps_DDRM.multTransA(p, matrix, a);
            return new Decomposition(a.getData(), p.getData());
        }
        DMatrixRMaj moments = new DMatrixRMaj(in, in);
        CommonOps_DDRM.multTransA(matrix, matrix, moments);
        DMatrixRMaj q = leading(moments, rank);
        DMatrixRMaj b = new DMatrixRMaj(out, rank);
        CommonOps_DDRM.mult(matrix, q, b);
        return new Decomposition(CommonOps_DDRM.transpose(q, null).getData(), b.getData());
    }

    /**
     * As above, of a product D = b a of low rank.
     *
     * @param a [inner, in]
     * @param b [out, inner]
     */
    static Decomposition nearest(double[] a, double[] b, int out, int in, int inner, int rank) {
        if (inner >= Math.min(out, in)) {
            DMatrixRMaj product = new DMatrixRMaj(out, in);
            CommonOps_DDRM.mult(DMatrixRMaj.wrap(out, inner, b), DMatrixRMaj.wrap(inner, in, a), product);
            return nearest(product.getData(), out, in, rank);
        }
        var qr = DecompositionFactory_DDRM.qr(out, inner);
        if (!qr.decompose(DMatrixRMaj.wrap(out, inner, b.clone()))) {
            throw new ArithmeticException("a matrix [" + out + ", " + inner + "] has no QR decomposition");
        }
        DMatrixRMaj small = new DMatrixRMaj(inner, in);
        CommonOps_DDRM.mult(qr.getR(null, true), DMatrixRMaj.wrap(inner, in, a), small);
        int kept = Math.min(rank, inner);
        Decomposition part = nearest(small.getData(), inner, in, kept);
        DMatrixRMaj left = new DMatrixRMaj(out, kept);
        CommonOps_DDRM.mult(qr.getQ(null, true), DMatrixRMaj.wrap(inner, kept, part.b()), left);
        return new Decomposition(part.a(), left.getData()).padded(out, in, kept, rank);
    }

    /** With zeros up to a rank. */
    private Decomposition padded(int out, int in, int from, int rank) {
        if (from == rank) {
            return this;
        }
        double[] wider = new double[out * rank];
        for (int row = 0; row < out; row++) {
            System.arraycopy(b, row * from, wider, row * rank, from);
        }
        return new Decomposition(Arrays.copyOf(a, rank * in), wider);
    }

    /** The eigenvectors of the largest eigenvalues of a symmetric matrix, as columns. */
    private static DMatrixRMaj leading(DMatrixRMaj symmetric, int count) {
        int n = symmetric.getNumRows();
        EigenDecomposition_F64<DMatrixRMaj> eigen = DecompositionFactory_DDRM.eig(n, true, true);
        if (!eigen.decompose(symmetric)) {
            throw new ArithmeticException("a symmetric matrix [" + n + ", " + n + "] has no eigenvectors");
        }
        int[] order = IntStream.range(0, n)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -eigen.getEigenvalue(i).getReal()))
                .mapToInt(Integer::intValue)
                .toArray();
        DMatrixRMaj vectors = new DMatrixRMaj(n, count);
        for (int k = 0; k < count; k++) {
            CommonOps_DDRM.insert(eigen.getEigenVector(order[k]), vectors, 0, k);
        }
        return vectors;
    }

    /**
     * The part in an orthonormal basis (OLoRA, Büyükakyüz 2024, arXiv 2406.01775): {@code B = Q_r}, {@code A = R_r} of W = Q R, whose
     * product counts s times, as in PEFT's code.
     *
     * @param weight [out, in], row-major
     */
    static Decomposition orthonormal(double[] weight, int out, int in, int rank) {
        DMatrixRMaj w = DMatrixRMaj.wrap(out, in, weight);
        DMatrixRMaj columns = new DMatrixRMaj(out, rank);
        CommonOps_DDRM.extract(w, 0, out, 0, rank, columns, 0, 0);
        var qr = DecompositionFactory_DDRM.qr(out, rank);
        if (!qr.decompose(columns)) {
            throw new ArithmeticException("a weight [" + out + ", " + in + "] has no QR decomposition");
        }
        DMatrixRMaj q = qr.getQ(null, true);
        DMatrixRMaj r = new DMatrixRMaj(rank, in);
        CommonOps_DDRM.multTransA(q, w, r);
        return new Decomposition(r.getData(), q.getData());
    }
}
