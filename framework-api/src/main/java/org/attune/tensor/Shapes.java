package org.attune.tensor;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.List;
import org.attune.tensor.engine.TensorEngine;

/** Operations that move elements: permute, slice, concatenate, gather. */
final class Shapes {
    private Shapes() {}

    static Tensor permute(Tensor x, int[] axes) {
        int rank = x.shape().rank();
        int[] dims = new int[rank];
        int[] inverse = new int[rank];
        boolean[] seen = new boolean[rank];
        for (int i = 0; i < rank; i++) {
            if (axes.length != rank || axes[i] < 0 || axes[i] >= rank || seen[axes[i]]) {
                throw new IllegalArgumentException(
                        "axes " + Arrays.toString(axes) + " are no permutation for " + x.shape());
            }
            seen[axes[i]] = true;
            dims[i] = x.shape().dim(axes[i]);
            inverse[axes[i]] = i;
        }
        TensorEngine e = x.engine();
        Tensor out = x.allocate(Shape.of(dims));
        e.permute(x.storage(), x.shape().dims(), axes.clone(), out.storage());
        return Tensor.recorded(out, (dy, in) -> in.add(0, permute(dy, inverse)), List.of(), x);
    }

    static Tensor slice(Tensor x, int axis, int from, int to) {
        Shape s = x.shape();
        if (from < 0 || to < from || to > s.dim(axis)) {
            throw new IllegalArgumentException("slice " + from + ".." + to + " of axis " + axis + " of " + s);
        }
        long outer = s.product(0, axis);
        long inner = s.product(axis + 1, s.rank());
        long width = (to - from) * inner;
        long full = s.dim(axis) * inner;
        TensorEngine e = x.engine();
        Tensor out = x.allocate(s.with(axis, to - from));
        e.copyBlocks(x.storage(), from * inner, full, out.storage(), 0, width, width, outer);
        return Tensor.recorded(
                out,
                (dy, in) -> {
                    Tensor sum = in.accumulator(0);
                    if (sum != null) { // only the part that was read, of what may be large
                        addPart(dy, from * inner, width, full, sum);
                        return;
                    }
                    Tensor dx = x.allocate(s);
                    e.fill(dx.storage(), 0);
                    e.copyBlocks(dy.storage(), 0, width, dx.storage(), from * inner, full, width, outer);
                    in.add(0, dx);
                },
                List.of(),
                x);
    }

    /** Adds blocks of {@code width} elements that lie one after another to those at {@code first} of each {@code full} of a sum. */
    private static void addPart(Tensor blocks, long first, long width, long full, Tensor sum) {
        if (width == 0) {
            return;
        }
        int columns = BigInteger.valueOf(width)
                .gcd(BigInteger.valueOf(first))
                .gcd(BigInteger.valueOf(full))
                .intValueExact();
        int rowsABlock = (int) (width / columns);
        int[] rows = new int[Math.toIntExact(blocks.shape().size() / columns)];
        Arrays.setAll(rows, i -> (int) ((first + i / rowsABlock * full) / columns) + i % rowsABlock);
        blocks.engine().scatterAddRows(blocks.storage(), columns, rows, sum.storage());
    }

    static Tensor concat(int axis, List<Tensor> given) {
        if (given.isEmpty()) {
            throw new IllegalArgumentException("nothing to concatenate");
        }
        List<Tensor> parts = List.copyOf(given); // backward comes later
        Tensor first = parts.get(0);
        int a = first.shape().axis(axis);
        int extent = 0;
        for (Tensor p : parts) {
            if (p.shape().rank() != first.shape().rank()
                    || !p.shape().with(a, 0).equals(first.shape().with(a, 0))) {
                throw new IllegalArgumentException(
                        "cannot concatenate " + first.shape() + " and " + p.shape() + " along axis " + axis);
            }
            extent += p.shape().dim(a);
        }
        Shape shape = first.shape().with(a, extent);
        long outer = shape.product(0, a);
        long inner = shape.product(a + 1, shape.rank());
        TensorEngine e = first.engine();
        Tensor out = first.allocate(shape);
        long at = 0;
        for (Tensor p : parts) {
            long width = p.shape().dim(a) * inner;
            e.copyBlocks(p.storage(), 0, width, out.storage(), at, extent * inner, width, outer);
            at += width;
        }
        return Tensor.recorded(
                out,
                (dy, in) -> {
                    int from = 0;
                    for (int i = 0; i < parts.size(); i++) {
                        int to = from + parts.get(i).shape().dim(a);
                        if (in.needed(i)) {
                            in.add(i, slice(dy, a, from, to));
                        }
                        from = to;
                    }
                },
                List.of(),
                parts.toArray(Tensor[]::new));
    }

    static Tensor gatherRows(Tensor table, int[] given) {
        int[] rows = given.clone(); // backward comes later
        int n = table.shape().dim(0);
        for (int r : rows) {
            if (r < 0 || r >= n) {
                throw new IllegalArgumentException("row " + r + " of a tensor of shape " + table.shape());
            }
        }
        int columns = table.shape().product(1, table.shape().rank());
        TensorEngine e = table.engine();
        Tensor out = table.allocate(table.shape().with(0, rows.length));
        e.gatherRows(table.storage(), columns, rows, out.storage());
        return Tensor.recorded(
                out,
                (dy, in) -> {
                    Tensor sum = in.accumulator(0);
                    if (sum != null) { // only the rows that were read, of a table that may be large
                        e.scatterAddRows(dy.storage(), columns, rows, sum.storage());
                        return;
                    }
                    Tensor dx = table.allocate(table.shape());
                    e.fill(dx.storage(), 0);
                    e.scatterAddRows(dy.storage(), columns, rows, dx.storage());
                    in.add(0, dx);
                },
                List.of(),
                table);
    }

    /** The inverse of gathering distinct rows: zero where no row goes. */
    static Tensor scatterRows(Tensor x, int[] given, int n) {
        int[] rows = given.clone(); // backward comes later
        int columns = x.shape().product(1, x.shape().rank());
        TensorEngine e = x.engine();
        Tensor out = x.allocate(x.shape().with(0, n));
        e.fill(out.storage(), 0);
        e.scatterAddRows(x.storage(), columns, rows, out.storage());
        return Tensor.recorded(out, (dy, in) -> in.add(0, gatherRows(dy, rows)), List.of(), x);
    }
}
