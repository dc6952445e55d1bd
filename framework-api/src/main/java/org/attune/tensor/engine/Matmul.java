package org.attune.tensor.engine;

/**
 * The form of a matrix product {@code out = alpha op(a) op(b) + beta out}, for each of {@code batch} matrices.
 *
 * @param batch how many products
 * @param m rows of {@code op(a)} and of {@code out} [batch, m, n]
 * @param n columns of {@code op(b)}
 * @param k columns of {@code op(a)}, rows of {@code op(b)}
 * @param transposeA {@code a} is stored [k, m]
 * @param transposeB {@code b} is stored [n, k]
 * @param sharedB {@code b} is one matrix for the whole batch
 * @param alpha factor of the product
 * @param beta 0 (out is overwritten, whatever it held) or a factor of its old content
 */
public record Matmul(
        int batch,
        int m,
        int n,
        int k,
        boolean transposeA,
        boolean transposeB,
        boolean sharedB,
        double alpha,
        double beta) {

    /** One product without scaling. */
    public static Matmul of(int m, int n, int k, boolean transposeA, boolean transposeB) {
        return new Matmul(1, m, n, k, transposeA, transposeB, false, 1, 0);
    }
}
