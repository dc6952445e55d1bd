package org.attune.peft;

import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.SingularOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
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
