package org.attune.testkit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.attune.tensor.Shape;
import org.attune.tensor.engine.AdamStep;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.Binary;
import org.attune.tensor.engine.Matmul;
import org.attune.tensor.engine.Unary;
import org.attune.testkit.KernelCase.Call;
import org.attune.testkit.KernelCase.Operand;
import org.attune.testkit.KernelCase.Role;

/** Every kernel that computes, over sizes that are multiples of nothing, and over some that add up a lot. */
final class KernelCases {
    private static final int[][] ROWS = {{1, 1}, {3, 17}, {17, 129}, {129, 3}, {1, 1000}};

    private final List<KernelCase> cases = new ArrayList<>();

    private KernelCases() {}

    static Stream<KernelCase> all() {
        KernelCases table = new KernelCases();
        table.moving();
        table.elementwise();
        table.sums();
        table.products();
        table.rows();
        table.norms();
        table.attention(AttentionLayout.self(new int[] {0, 0, 1, 4, 21, 150}, 2, 5, false));
        int[] ragged = {0, 3, 4, 21, 150};
        table.attention(new AttentionLayout(ragged, ragged, 4, 2, 6, 0.4, true));
        table.attention(new AttentionLayout(new int[] {0, 1, 1, 3, 5}, ragged, 4, 1, 8, 0.3, false));
        table.attention(new AttentionLayout(new int[] {0, 1, 2, 5, 70}, ragged, 2, 2, 17, 0.25, true));
        AttentionLayout grouped = new AttentionLayout(ragged, ragged, 4, 2, 6, 0.4, true);
        table.attention(grouped.withWindow(5));
        table.attention(grouped.withWindow(70).withQueries(new int[] {0, 1, 2, 5, 90}));
        table.attention(grouped.withWindow(1).withSoftCap(2));
        table.attention(AttentionLayout.self(ragged, 2, 5, false).withSoftCap(0.5));
        table.losses();
        table.optimiser();
        return table.cases.stream();
    }

    private void moving() {
        add("copy", (e, s) -> e.copy(s[0], s[1]), activation(129), output(129));
        add("copyBlocks", (e, s) -> e.copyBlocks(s[0], 1, 10, s[1], 0, 7, 7, 13), activation(131), output(91));
        int[] dims = {3, 17, 5};
        add("permute", (e, s) -> e.permute(s[0], dims, new int[] {2, 0, 1}, s[1]), activation(255), output(255));
        int[] rows = {4, 0, 4, 16, 1};
        add("gatherRows", (e, s) -> e.gatherRows(s[0], 13, rows, s[1]), activation(17 * 13), output(5 * 13));
        int[] repeated = new int[300];
        Arrays.setAll(repeated, i -> i % 3);
        add(
                "scatterAddRows",
                Allowance.SUMS,
                (e, s) -> e.scatterAddRows(s[0], 5, repeated, s[1]),
                new Operand(Role.ACTIVATION, Values.POSITIVE.draw(Shape.of(1500), 1)),
                updated(20));
    }

    private void elementwise() {
        for (Unary op : Unary.values()) {
            Values kind = switch (op) {
                case LOG, SQRT -> Values.POSITIVE;
                case ABS, RELU -> Values.OFF_ZERO;
                default -> Values.ANY;
            };
            for (int n : new int[] {1, 1029}) {
                Operand x = new Operand(Role.ACTIVATION, kind.draw(Shape.of(n), 1));
                add(op + " of " + n, (e, s) -> e.unary(op, s[0], s[1]), x, output(n));
                add(op + " gradient of " + n, (e, s) -> e.unaryGrad(op, s[0], s[1], s[2]), x, parameter(n), output(n));
            }
        }
        for (Unary op : List.of(Unary.SILU, Unary.GELU, Unary.GELU_TANH)) {
            for (int n : new int[] {1, 17, 1029}) {
                add(
                        "gated " + op,
                        Allowance.GATED,
                        (e, s) -> e.gated(op, s[0], s[1], s[2]),
                        activation(n),
                        parameter(n),
                        output(n));
                add(
                        "gated " + op + " gradient",
                        Allowance.GATED,
                        (e, s) -> e.gatedGrad(op, s[0], s[1], s[2], s[3], s[4]),
                        activation(n),
                        parameter(n),
                        activation(n),
                        output(n),
                        output(n));
            }
        }
        int[] dims = {3, 5, 17};
        int[][] strides = {{85, 17, 1}, {0, 0, 1}, {17, 0, 1}, {5, 1, 0}, {0, 0, 0}};
        for (Binary op : Binary.values()) {
            for (int[] b : strides) {
                Operand right = new Operand(Role.PARAMETER, Values.POSITIVE.draw(Shape.of(extent(dims, b)), 2));
                add(
                        op + " by " + Arrays.toString(b),
                        (e, s) -> e.binary(op, s[0], strides[0], s[1], b, dims, s[2]),
                        activation(255),
                        right,
                        output(255));
                Operand left = new Operand(Role.PARAMETER, Values.ANY.draw(Shape.of(extent(dims, b)), 2));
                add(
                        op + " of " + Arrays.toString(b),
                        (e, s) -> e.binary(op, s[0], b, s[1], strides[0], dims, s[2]),
                        left,
                        new Operand(Role.ACTIVATION, Values.POSITIVE.draw(Shape.of(255), 3)),
                        output(255));
            }
        }
        add("affine", (e, s) -> e.affine(s[0], -1.7, 0.3, s[1]), activation(1029), output(1029));
        add("accumulate", (e, s) -> e.accumulate(-0.7, s[0], s[1]), activation(1029), updated(1029));
        for (int[] size : new int[][] {{1, 1, 2}, {3, 2, 6}, {129, 3, 2}}) {
            float[] cos = new float[size[0] * size[2] / 2];
            float[] sin = new float[cos.length];
            for (int i = 0; i < cos.length; i++) {
                cos[i] = (float) Math.cos(i);
                sin[i] = (float) Math.sin(i);
            }
            int n = size[0] * size[1] * size[2];
            for (boolean back : new boolean[] {false, true}) {
                add(
                        "rotary " + Arrays.toString(size) + (back ? " back" : ""),
                        (e, s) -> e.rotary(s[0], size[0], size[1], size[2], cos, sin, back, s[1]),
                        activation(n),
                        output(n));
            }
        }
    }

    private static int extent(int[] dims, int[] strides) {
        int last = 0;
        for (int i = 0; i < dims.length; i++) {
            last += (dims[i] - 1) * strides[i];
        }
        return last + 1;
    }

    private void sums() {
        for (int[] size : new int[][] {{1, 1, 1}, {1, 3000, 1}, {1, 3000, 5}, {5, 3000, 1}, {3, 129, 17}, {17, 0, 3}}) {
            int n = size[0] * size[1] * size[2];
            add(
                    "sum " + Arrays.toString(size),
                    Allowance.SUMS,
                    (e, s) -> e.sum(s[0], size[0], size[1], size[2], s[1]),
                    new Operand(Role.ACTIVATION, Values.POSITIVE.draw(Shape.of(n), 1)),
                    output(size[0] * size[2]));
        }
    }

    private void products() {
        int[][] sizes = {
            {1, 1, 1}, {3, 17, 5}, {17, 3, 129}, {129, 129, 17}, {5, 7, 3000}, {300, 8, 11}, {128, 160, 224}
        };
        for (int[] z : sizes) {
            boolean[] either = z[0] == 128 ? new boolean[] {false} : new boolean[] {false, true};
            for (boolean ta : either) {
                for (boolean tb : either) {
                    product(Matmul.of(z[0], z[1], z[2], ta, tb));
                    if (z[2] > 10) {
                        product(new Matmul(1, z[0], z[1], z[2], ta, tb, false, 0.75, 1));
                    }
                }
            }
            int rows = z[0];
            int out = z[1];
            int in = z[2];
            Operand x = new Operand(Role.ACTIVATION, positiveIfLong(rows * in, in, 1));
            Operand w = new Operand(Role.PARAMETER, positiveIfLong(out * in, in, 2));
            String name = "linear " + Arrays.toString(z);
            add(
                    name,
                    Allowance.PRODUCTS,
                    (e, s) -> e.linear(s[0], s[1], null, rows, in, out, s[2]),
                    x,
                    w,
                    output(rows * out));
            add(
                    name + " with bias",
                    Allowance.PRODUCTS,
                    (e, s) -> e.linear(s[0], s[1], s[2], rows, in, out, s[3]),
                    x,
                    w,
                    parameter(out),
                    output(rows * out));
        }
        for (int rows : new int[] {1, 3, 16, 17, 64}) {
            int in = 256;
            int out = 300;
            add(
                    "linearColumns " + rows,
                    Allowance.PRODUCTS,
                    (e, s) -> {
                        e.linearColumns(s[0], s[1], s[2], rows, in, out, 0, 128, s[3]);
                        e.linearColumns(s[0], s[1], s[2], rows, in, out, 129, 129, s[3]);
                        e.linearColumns(s[0], s[1], s[2], rows, in, out, 129, out, s[3]);
                        // Again from 0: a longer part, which must leave alone what is there already.
                        e.linearColumns(s[0], s[1], s[2], rows, in, out, 0, 129, s[3]);
                    },
                    new Operand(Role.ACTIVATION, positiveIfLong(rows * in, in, 1)),
                    new Operand(Role.PARAMETER, positiveIfLong(out * in, in, 2)),
                    parameter(out),
                    output(rows * out));
        }
        product(new Matmul(3, 17, 5, 9, false, false, true, 1, 0));
        product(new Matmul(3, 17, 5, 9, false, true, true, 0.5, 0.5));
        product(new Matmul(2, 5, 17, 9, true, false, false, 1, 2));
        product(new Matmul(2, 5, 3, 0, false, false, false, 1, 0.5));
    }

    private void product(Matmul form) {
        int b = form.batch();
        int mk = b * form.m() * form.k();
        int kn = (form.sharedB() ? 1 : b) * form.k() * form.n();
        int mn = b * form.m() * form.n();
        Operand out = form.beta() == 0 ? output(mn) : updated(mn);
        add(
                form.toString(),
                Allowance.PRODUCTS,
                (e, s) -> e.matmul(form, s[0], s[1], s[2]),
                new Operand(Role.ACTIVATION, positiveIfLong(mk, form.k(), 1)),
                new Operand(Role.PARAMETER, positiveIfLong(kn, form.k(), 2)),
                out);
    }

    /** Long sums of numbers of one sign, which adding up in a narrow type cannot get right. */
    private static double[] positiveIfLong(int n, int sum, int place) {
        return (sum > 1000 ? Values.POSITIVE : Values.ANY).draw(Shape.of(n), place);
    }

    private void rows() {
        for (int[] z : ROWS) {
            int rows = z[0];
            int columns = z[1];
            int n = rows * columns;
            for (double scale : new double[] {1, 5000}) {
                double[] x =
                        Arrays.stream(draw(n, 1)).map(v -> (float) (scale * v)).toArray();
                String of = " " + Arrays.toString(z) + (scale == 1 ? "" : " of large values");
                Operand in = new Operand(Role.ACTIVATION, x);
                add("softmax" + of, (e, s) -> e.softmax(s[0], rows, columns, s[1]), in, output(n));
                add("logSoftmax" + of, (e, s) -> e.logSoftmax(s[0], rows, columns, s[1]), in, output(n));
            }
            double[] y = new double[n];
            Arrays.fill(y, (float) (1. / columns));
            double[] logs = Arrays.stream(y).map(v -> (float) Math.log(v)).toArray();
            String of = " gradient " + Arrays.toString(z);
            add(
                    "softmax" + of,
                    (e, s) -> e.softmaxGrad(s[0], s[1], rows, columns, s[2]),
                    new Operand(Role.ACTIVATION, y),
                    parameter(n),
                    output(n));
            add(
                    "logSoftmax" + of,
                    (e, s) -> e.logSoftmaxGrad(s[0], s[1], rows, columns, s[2]),
                    new Operand(Role.ACTIVATION, logs),
                    parameter(n),
                    output(n));
        }
    }

    private void norms() {
        int[][] sizes = {{1, 1}, {3, 17}, {17, 129}, {129, 3}, {1, 1000}, {1500, 5}};
        for (int[] z : sizes) {
            int rows = z[0];
            int columns = z[1];
            int n = rows * columns;
            for (double mean : new double[] {0, 1000}) {
                // In float32 a mean of 1000 with a spread of 1 has lost three digits before the kernel begins.
                Allowance allowance = Allowance.rounded(mean == 0 ? 1 : 100);
                double[] x =
                        Arrays.stream(draw(n, 1)).map(v -> (float) (v + mean)).toArray();
                String of = " " + Arrays.toString(z) + (mean == 0 ? "" : " far from zero");
                add(
                        "layerNorm" + of,
                        allowance,
                        (e, s) -> e.layerNorm(s[0], s[1], s[2], rows, columns, 1e-2, s[3], s[4], s[5]),
                        new Operand(Role.ACTIVATION, x),
                        parameter(columns),
                        parameter(columns),
                        output(n),
                        statisticOutput(rows),
                        statisticOutput(rows));
                add(
                        "rmsNorm" + of,
                        (e, s) -> e.rmsNorm(s[0], s[1], rows, columns, 1e-2, s[2], s[3]),
                        new Operand(Role.ACTIVATION, x),
                        parameter(columns),
                        output(n),
                        statisticOutput(rows));
            }
            Operand dy = new Operand(Role.ACTIVATION, positiveIfLong(n, rows, 4));
            Operand rstd = new Operand(Role.STATISTIC, Values.POSITIVE.draw(Shape.of(rows), 3));
            add(
                    "layerNorm gradient " + Arrays.toString(z),
                    (e, s) -> e.layerNormGrad(s[0], s[1], s[2], s[3], s[4], rows, columns, s[5], s[6], s[7]),
                    activation(n),
                    parameter(columns),
                    statistic(rows),
                    rstd,
                    dy,
                    output(n),
                    output(columns),
                    output(columns));
            add(
                    "layerNorm gradient of the input " + Arrays.toString(z),
                    (e, s) -> e.layerNormGrad(s[0], s[1], s[2], s[3], s[4], rows, columns, s[5], null, null),
                    activation(n),
                    parameter(columns),
                    statistic(rows),
                    rstd,
                    dy,
                    output(n));
            add(
                    "layerNorm gradient of beta " + Arrays.toString(z),
                    (e, s) -> e.layerNormGrad(s[0], s[1], s[2], s[3], s[4], rows, columns, null, null, s[5]),
                    activation(n),
                    parameter(columns),
                    statistic(rows),
                    rstd,
                    dy,
                    output(columns));
            add(
                    "rmsNorm gradient " + Arrays.toString(z),
                    (e, s) -> e.rmsNormGrad(s[0], s[1], s[2], s[3], rows, columns, s[4], s[5]),
                    activation(n),
                    parameter(columns),
                    rstd,
                    dy,
                    output(n),
                    output(columns));
            add(
                    "rmsNorm gradient of gamma " + Arrays.toString(z),
                    (e, s) -> e.rmsNormGrad(s[0], s[1], s[2], s[3], rows, columns, null, s[4]),
                    activation(n),
                    parameter(columns),
                    rstd,
                    dy,
                    output(columns));
        }
    }

    private void attention(AttentionLayout layout) {
        int queries = last(layout.queryOffsets()) * layout.heads() * layout.headSize();
        int keys = last(layout.keyOffsets()) * layout.keyHeads() * layout.headSize();
        int probabilities = (int) layout.probabilities();
        // Values of one sign: a sum of many small shares is what adding up in a narrow type gets wrong.
        Operand v = new Operand(Role.PARAMETER, Values.POSITIVE.draw(Shape.of(keys), 3));
        String of = " " + AttentionSizes.named(layout);
        add(
                "attention" + of,
                Allowance.attention(layout, s -> AttentionSizes.forward(layout, s[0], s[1], s[2]), 3),
                (e, s) -> e.attention(layout, s[0], s[1], s[2], s[3], s[4]),
                activation(queries),
                parameter(keys),
                v,
                output(queries),
                kept(probabilities));
        add(
                "attention gradient" + of,
                Allowance.attention(layout, s -> AttentionSizes.backward(layout, s[0], s[1], s[2], s[5]), 6, 7, 8),
                (e, s) -> {
                    e.attention(layout, s[0], s[1], s[2], s[3], s[4]);
                    e.attentionGrad(layout, s[0], s[1], s[2], s[4], s[5], s[6], s[7], s[8]);
                },
                activation(queries),
                parameter(keys),
                v,
                kept(queries),
                kept(probabilities),
                activation(queries),
                output(queries),
                output(keys),
                output(keys));
    }

    private void losses() {
        for (int[] z : ROWS) {
            int rows = z[0];
            int classes = z[1];
            int n = rows * classes;
            int[] labels = new int[rows];
            Arrays.setAll(labels, i -> i % 4 == 1 ? -100 : i * 7 % classes);
            for (double scale : new double[] {1, 5000}) {
                double[] x =
                        Arrays.stream(draw(n, 1)).map(v -> (float) (scale * v)).toArray();
                String of = " " + Arrays.toString(z) + (scale == 1 ? "" : " of large values");
                add(
                        "crossEntropy" + of,
                        (e, s) -> e.crossEntropy(s[0], rows, classes, labels, s[1], s[2]),
                        new Operand(Role.ACTIVATION, x),
                        statisticOutput(rows),
                        kept(n));
                add(
                        "crossEntropy over its logits" + of,
                        (e, s) -> e.crossEntropy(s[0], rows, classes, labels, s[1], s[0]),
                        new Operand(Role.UPDATED, x),
                        statisticOutput(rows));
                add(
                        "crossEntropy gradient" + of,
                        (e, s) -> {
                            e.crossEntropy(s[0], rows, classes, labels, s[1], s[2]);
                            e.crossEntropyGrad(s[2], rows, classes, labels, s[3], s[4]);
                        },
                        new Operand(Role.ACTIVATION, x),
                        statisticOutput(rows),
                        statisticOutput(n),
                        statistic(rows),
                        output(n));
            }
        }
    }

    private void optimiser() {
        AdamStep step = new AdamStep(1e-2, 0.9, 0.99, 1e-8, 0.1, 3);
        add(
                "adam",
                (e, s) -> e.adam(step, s[0], s[1], s[2], s[3]),
                updated(129),
                activation(129),
                new Operand(Role.STATISTIC, draw(129, 3)),
                new Operand(Role.STATISTIC, Values.POSITIVE.draw(Shape.of(129), 4)));
    }

    private void add(String name, Call call, Operand... operands) {
        add(name, Allowance.ROUNDED, call, operands);
    }

    private void add(String name, Allowance allowance, Call call, Operand... operands) {
        cases.add(new KernelCase(name, allowance, List.of(operands), call));
    }

    private static double[] draw(int n, int place) {
        return Values.ANY.draw(Shape.of(n), place);
    }

    private static Operand activation(int n) {
        return new Operand(Role.ACTIVATION, draw(n, 1));
    }

    private static Operand parameter(int n) {
        return new Operand(Role.PARAMETER, draw(n, 2));
    }

    private static Operand statistic(int n) {
        return new Operand(Role.STATISTIC, draw(n, 5));
    }

    private static Operand updated(int n) {
        return new Operand(Role.UPDATED, draw(n, 6));
    }

    private static Operand output(int n) {
        return new Operand(Role.OUTPUT, nan(n));
    }

    private static Operand statisticOutput(int n) {
        return new Operand(Role.STATISTIC_OUTPUT, nan(n));
    }

    private static Operand kept(int n) {
        return new Operand(Role.KEPT, nan(n));
    }

    /** So that what is not overwritten shows. */
    private static double[] nan(int n) {
        double[] values = new double[n];
        Arrays.fill(values, Double.NaN);
        return values;
    }

    private static int last(int[] offsets) {
        return offsets[offsets.length - 1];
    }
}
