package org.attune.testkit;

import java.util.Arrays;
import org.attune.tensor.DType;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.TensorEngine;
import org.attune.testkit.KernelCase.Types;

/**
 * What a kernel may be off by, beside the one rounding of its result.
 *
 * <p>The base is the error of computing in the engine's own type, {@link Closeness}, on numbers of the size of what is added up:
 * for float32 a few millionths, where one rounding to bfloat16 is up to 2^-8. So whoever rounds an intermediate result to the
 * narrow type, or adds up in it, is found out: not in each element, but in some of the many. Only where the contract lets a
 * kernel round operands is more allowed, in proportion to what is added up.
 */
interface Allowance {
    /** For each operand that is written, and each of its elements. */
    double[][] of(
            KernelCase kernel, TensorEngine oracle, Types types, DType own, double[][] before, double[][] expected);

    /** Results of about the size of the largest, each computed by itself or from a row. */
    static Allowance rounded(double factor) {
        return (kernel, oracle, types, own, before, expected) -> {
            double[][] sizes = new double[expected.length][];
            for (int i = 0; i < sizes.length; i++) {
                double largest = Arrays.stream(expected[i]).map(Math::abs).max().orElse(0);
                sizes[i] = new double[expected[i].length];
                Arrays.fill(sizes[i], factor * largest);
            }
            return scaled(sizes, own, 0);
        };
    }

    Allowance ROUNDED = rounded(1);

    /** Products of two factors, of which the first may be rounded to the narrowest of the operands' types. */
    Allowance GATED = (kernel, oracle, types, own, before, expected) -> {
        DType narrow = kernel.narrowestRead(types, own);
        return scaled(expected, own, narrow == own ? 0 : Precision.unit(narrow));
    };

    /** Sums of products of what is read: their size is what the kernel gives of the absolute values. */
    Allowance SUMS =
            (kernel, oracle, types, own, before, expected) -> scaled(ofAbsolutes(kernel, oracle, before), own, 0);

    /** Products, which may round the wider operands to the narrowest. */
    Allowance PRODUCTS = (kernel, oracle, types, own, before, expected) -> {
        DType narrow = kernel.narrowestRead(types, own);
        boolean mixed = kernel.widestRead(types, own) != narrow;
        return scaled(ofAbsolutes(kernel, oracle, before), own, mixed ? Precision.unit(narrow) : 0);
    };

    /**
     * Attention, which may also round its probabilities and the gradients of its scores before they are multiplied: up to four
     * roundings in the gradients, those of the probability twice. Rounding mixed operands moves a score by two roundings of its
     * size, and so a probability by four.
     *
     * @param results the operands that are written, in the order of the magnitudes
     */
    static Allowance attention(AttentionLayout layout, AttentionSizes.Of sizes, int... results) {
        return (kernel, oracle, types, own, before, expected) -> {
            AttentionSizes found = sizes.of(before);
            DType narrow = kernel.narrowestRead(types, own);
            double roundings = 0;
            if (narrow != own) {
                boolean mixed = kernel.widestRead(types, own) != narrow;
                roundings = 4 + (mixed ? 4 + 8 * found.largestScore() : 0);
            }
            double[][] all = new double[expected.length][];
            for (int i = 0; i < results.length; i++) {
                all[results[i]] = found.magnitudes()[i];
            }
            for (int i = 0; i < all.length; i++) {
                all[i] = all[i] == null ? new double[expected[i].length] : all[i];
            }
            return scaled(all, own, roundings * Precision.unit(narrow));
        };
    }

    private static double[][] ofAbsolutes(KernelCase kernel, TensorEngine oracle, double[][] before) {
        double[][] absolute = new double[before.length][];
        for (int i = 0; i < before.length; i++) {
            absolute[i] = Arrays.stream(before[i]).map(Math::abs).toArray();
        }
        DType exact = oracle.dtype();
        return kernel.run(oracle, new Types(exact, exact, exact), absolute, false);
    }

    /** @param operands the relative error that comes from rounding operands */
    private static double[][] scaled(double[][] sizes, DType own, double operands) {
        Closeness close = Closeness.of(own);
        double[][] allowed = new double[sizes.length][];
        for (int i = 0; i < sizes.length; i++) {
            allowed[i] = Arrays.stream(sizes[i])
                    .map(size -> close.absolute() + (close.relative() + operands) * Math.abs(size))
                    .toArray();
        }
        return allowed;
    }
}
