package org.attune.peft.bottleneck;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Initializer;

/**
 * Matrices made of Kronecker products (Zhang et al. 2021, arXiv 2102.08597): {@code W [out, in] = sum over j < n of
 * kron(rule[j], block[j])} with a rule [n, n, n] and blocks [n, out/n, in/n].
 *
 * <p>The rule is {@code phm_rule}, or the product of {@code phm_rule_left} [n, n, 1] and {@code phm_rule_right} [n, 1, n]: one for the
 * whole model under these names, or one a matrix below the matrix's path P. Blocks are {@code P.phm_left} [n, out/n, rank] times
 * {@code P.phm_right} [n, rank, in/n], or {@code P.phm_W}.
 *
 * @param n how many products are added up; divides both sides of each matrix
 * @param rank of the blocks where these are factored
 * @param sharedRule whether all matrices have one rule
 * @param factorizedRule whether a rule is a product
 * @param factorizedBlocks whether blocks are products
 */
record Phm(int n, int rank, boolean sharedRule, boolean factorizedRule, boolean factorizedBlocks) {
    /** First deviation of a rule that all matrices share, and of one that a matrix has for itself. */
    private static final double SHARED_RULE = 1e-4;

    private static final double OWN_RULE = 1e-2;

    /** @throws UserError if n does not divide both sides */
    Projection projection(Claim claim, String path, int in, int out) {
        if (in % n != 0 || out % n != 0) {
            throw new UserError("phm_dim is " + n + ", which does not divide " + path + " [" + out + ", " + in
                    + "]; choose another reduction_factor or phm_dim");
        }
        Supplier<Tensor> rule = rule(claim, sharedRule ? "" : path + ".");
        Supplier<Tensor> blocks = blocks(claim, path, in / n, out / n);
        return new Projection(() -> sum(rule.get(), blocks.get()), Projection.bias(claim, path, out));
    }

    private Supplier<Tensor> rule(Claim claim, String prefix) {
        Initializer first = Initializer.normal(sharedRule ? SHARED_RULE : OWN_RULE);
        String name = prefix + "phm_rule";
        return factorizedRule
                ? product(
                        claim.of(name + "_left", Shape.of(n, n, 1), first),
                        claim.of(name + "_right", Shape.of(n, 1, n), first))
                : whole(claim.of(name, Shape.of(n, n, n), first));
    }

    private Supplier<Tensor> blocks(Claim claim, String path, int in, int out) {
        return factorizedBlocks
                ? product(
                        claim.of(path + ".phm_left", Shape.of(n, out, rank), xavier(out, rank)),
                        claim.of(path + ".phm_right", Shape.of(n, rank, in), xavier(rank, in)))
                : whole(claim.of(path + ".phm_W", Shape.of(n, out, in), xavier(out, in)));
    }

    private static Supplier<Tensor> product(Tensor left, Tensor right) {
        return () -> left.matmul(right);
    }

    private static Supplier<Tensor> whole(Tensor t) {
        return () -> t;
    }

    /** Normal with the deviation of Glorot and Bengio 2010 for each block. */
    private static Initializer xavier(int rows, int columns) {
        return Initializer.normal(Math.sqrt(2.0 / (rows + columns)));
    }

    private Tensor sum(Tensor rule, Tensor blocks) {
        int rows = blocks.shape().dim(1);
        int columns = blocks.shape().dim(2);
        return rule.reshape(n, n * n)
                .matmul(blocks.reshape(n, rows * columns), true, false)
                .reshape(n, n, rows, columns)
                .permute(0, 2, 1, 3)
                .reshape(n * rows, n * columns);
    }

    /** What {@code phm} in adapter_config.json states. */
    Map<String, Object> written() {
        Map<String, Object> phm = new LinkedHashMap<>();
        phm.put("dim", n);
        phm.put("rank", rank);
        phm.put("shared_rule", sharedRule);
        phm.put("factorized_rule", factorizedRule);
        phm.put("factorized_W", factorizedBlocks);
        phm.put("shared_W", false);
        phm.put("learn_rule", true);
        phm.put("bias", true);
        phm.put(
                "weight",
                "sum_j kron(phm_rule[j], " + (factorizedBlocks ? "phm_left[j] @ phm_right[j]" : "phm_W[j]")
                        + ")  [out, in]");
        return phm;
    }
}
