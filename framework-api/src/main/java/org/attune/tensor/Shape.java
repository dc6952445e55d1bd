package org.attune.tensor;

import java.util.Arrays;

/** The extents of a tensor, outermost first; immutable. The shape of a scalar is {@code []}, of size 1. */
public final class Shape {
    /** The shape of a scalar. */
    public static final Shape SCALAR = new Shape();

    private final int[] dims;

    private Shape(int... dims) {
        this.dims = dims;
    }

    /** @throws IllegalArgumentException if an extent is negative */
    public static Shape of(int... dims) {
        for (int d : dims) {
            if (d < 0) {
                throw new IllegalArgumentException("negative extent in shape " + Arrays.toString(dims));
            }
        }
        return new Shape(dims.clone());
    }

    /** How many axes. */
    public int rank() {
        return dims.length;
    }

    /** The extent of an axis; a negative axis counts from the last. */
    public int dim(int axis) {
        return dims[axis(axis)];
    }

    /** {@code axis} with a negative one counted from the last. */
    public int axis(int axis) {
        int a = axis < 0 ? axis + dims.length : axis;
        if (a < 0 || a >= dims.length) {
            throw new IllegalArgumentException("axis " + axis + " of shape " + this);
        }
        return a;
    }

    /** How many elements. */
    public long size() {
        long n = 1;
        for (int d : dims) {
            n *= d;
        }
        return n;
    }

    /** A copy of the extents. */
    public int[] dims() {
        return dims.clone();
    }

    /** This shape with one extent replaced. */
    public Shape with(int axis, int extent) {
        int[] d = dims.clone();
        d[axis(axis)] = extent;
        return of(d);
    }

    /** The product of the extents from axis {@code from} up to, and without, axis {@code to}. */
    public int product(int from, int to) {
        int n = 1;
        for (int i = from; i < to; i++) {
            n = Math.multiplyExact(n, dims[i]);
        }
        return n;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Shape s && Arrays.equals(dims, s.dims);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(dims);
    }

    /** For example {@code [32, 384]}. */
    @Override
    public String toString() {
        return Arrays.toString(dims);
    }
}
