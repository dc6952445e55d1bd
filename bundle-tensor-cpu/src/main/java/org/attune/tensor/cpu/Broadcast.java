package org.attune.tensor.cpu;

import java.util.Arrays;
import org.attune.tensor.cpu.KernelKey.Variant;

/**
 * The form of an operation on two broadcast operands, with as few axes as possible: axes of length 1 are gone, and
 * neighbours along which both operands go on evenly are one.
 */
record Broadcast(int[] dims, long[] a, long[] b) {
    static Broadcast of(int[] dims, int[] aStrides, int[] bStrides) {
        int[] d = new int[dims.length + 1];
        long[] a = new long[dims.length + 1];
        long[] b = new long[dims.length + 1];
        int n = 0;
        for (int i = 0; i < dims.length; i++) {
            if (dims[i] == 1) {
                continue;
            }
            boolean goesOn =
                    n > 0 && a[n - 1] == (long) aStrides[i] * dims[i] && b[n - 1] == (long) bStrides[i] * dims[i];
            if (goesOn) {
                n--;
                d[n] *= dims[i];
            } else {
                d[n] = dims[i];
            }
            a[n] = aStrides[i];
            b[n] = bStrides[i];
            n++;
        }
        if (n == 0) {
            d[0] = 1;
            a[0] = 1;
            b[0] = 1;
            n = 1;
        }
        return new Broadcast(Arrays.copyOf(d, n), Arrays.copyOf(a, n), Arrays.copyOf(b, n));
    }

    private int last() {
        return dims.length - 1;
    }

    long size() {
        long n = 1;
        for (int d : dims) {
            n *= d;
        }
        return n;
    }

    int columns() {
        return dims[last()];
    }

    long rows() {
        return size() / columns();
    }

    int strideA() {
        return (int) a[last()];
    }

    int strideB() {
        return (int) b[last()];
    }

    boolean isDense() {
        return dims.length == 1 && a[0] == 1 && b[0] == 1;
    }

    Broadcast swapped() {
        return new Broadcast(dims, b, a);
    }

    /** How the second operand repeats against a dense first one; null if in none of the forms that have a kernel. */
    Variant repetition() {
        if (dims.length == 1) {
            return a[0] == 1 && b[0] == 0 ? Variant.BY_SCALAR : null;
        }
        if (dims.length > 2 || a[1] != 1 || a[0] != dims[1]) {
            return null;
        }
        if (b[0] == 0 && b[1] == 1) {
            return Variant.PLAIN;
        }
        return b[0] == 1 && b[1] == 0 ? Variant.BY_COLUMN : null;
    }

    int[] outerDims() {
        return Arrays.copyOf(dims, last());
    }

    long[] outerStridesA() {
        return Arrays.copyOf(a, last());
    }

    long[] outerStridesB() {
        return Arrays.copyOf(b, last());
    }
}
