package org.attune.testkit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.Unary;

/** Every differentiable operation over a table of shapes, awkward ones included. */
final class OperationCases {
    private static final int[][] SHAPES = {{}, {1}, {0}, {7}, {129}, {1, 5}, {5, 1}, {3, 4, 2}};
    private static final int[][] WITH_ROWS = {{4}, {1, 1}, {1, 5}, {5, 1}, {3, 7}, {2, 3, 4}, {17, 129}, {0, 3}};

    private final List<OperationCase> cases = new ArrayList<>();

    private OperationCases() {}

    /** Those with few enough inputs for finite differences. */
    static Stream<OperationCase> small() {
        return all().filter(c -> c.elements() <= 200);
    }

    static Stream<OperationCase> all() {
        OperationCases table = new OperationCases();
        table.elementwise();
        table.broadcasting();
        table.products();
        table.linearLayers();
        table.normalisations();
        table.reductions();
        table.movements();
        table.attentions();
        table.losses();
        table.gates();
        table.rotations();
        table.customOperations();
        return table.cases.stream();
    }

    private void elementwise() {
        for (int[] s : SHAPES) {
            unary("exp", Values.ANY, Tensor::exp, s);
            unary("log", Values.POSITIVE, Tensor::log, s);
            unary("sqrt", Values.POSITIVE, Tensor::sqrt, s);
            unary("abs", Values.OFF_ZERO, Tensor::abs, s);
            unary("tanh", Values.ANY, Tensor::tanh, s);
            unary("sigmoid", Values.ANY, Tensor::sigmoid, s);
            unary("relu", Values.OFF_ZERO, Tensor::relu, s);
            unary("gelu", Values.ANY, Tensor::gelu, s);
            unary("geluTanh", Values.ANY, Tensor::geluTanh, s);
            unary("silu", Values.ANY, Tensor::silu, s);
            unary("mul(-1.5)", Values.ANY, x -> x.mul(-1.5), s);
            unary("add(0.75)", Values.ANY, x -> x.add(0.75), s);
            unary("neg", Values.ANY, Tensor::neg, s);
            unary("square", Values.ANY, Tensor::square, s);
        }
    }

    private void broadcasting() {
        int[][][] pairs = {
            {{3, 4}, {3, 4}},
            {{3, 4}, {4}},
            {{4}, {3, 4}},
            {{3, 1}, {1, 4}},
            {{3, 4}, {}},
            {{}, {3, 4}},
            {{}, {}},
            {{2, 3, 4}, {3, 1}},
            {{2, 1, 4}, {3, 1}},
            {{1}, {5}},
            {{5, 1}, {5, 1}},
            {{2, 3, 4}, {2, 1, 1}},
            {{2, 1, 3, 1}, {4, 1, 5}},
            {{1, 1}, {1}},
            {{0, 3}, {3}},
            {{0, 3}, {1, 3}},
            {{1, 3}, {0, 1}},
            {{13}, {11, 1}}
        };
        for (int[][] p : pairs) {
            binary("add", Values.ANY, Tensor::add, p);
            binary("sub", Values.ANY, Tensor::sub, p);
            binary("mul", Values.ANY, Tensor::mul, p);
            binary("div", Values.POSITIVE, Tensor::div, p);
        }
    }

    private void products() {
        int[][] sizes = {
            {3, 4, 5}, {1, 1, 1}, {1, 7, 1}, {7, 1, 5}, {5, 3, 1}, {7, 11, 13}, {17, 129, 3}, {0, 3, 2}, {2, 0, 3}
        };
        int[][] everyBatch = {{}, {1}, {3}, {2, 3}, {0}};
        int[][] someBatch = {{}, {3}};
        for (int[] s : sizes) {
            int[][] batches = s == sizes[0] ? everyBatch : someBatch;
            for (boolean ta : new boolean[] {false, true}) {
                for (boolean tb : new boolean[] {false, true}) {
                    int[] a = ta ? new int[] {s[1], s[0]} : new int[] {s[0], s[1]};
                    int[] b = tb ? new int[] {s[2], s[1]} : new int[] {s[1], s[2]};
                    String form = "matmul" + (ta ? " a^T" : "") + (tb ? " b^T" : "");
                    for (int[] batch : batches) {
                        BiFunction<Tensor, Tensor, Tensor> product = (x, y) -> x.matmul(y, ta, tb);
                        binary(form, Values.ANY, product, join(batch, a), join(batch, b));
                        if (batch.length > 0) {
                            binary(form + " shared", Values.ANY, product, join(batch, a), b);
                        }
                    }
                }
                boolean tb = ta;
                int[] b = tb ? new int[] {s[2], s[1]} : new int[] {s[1], s[2]};
                add(
                        "addMatmul" + (tb ? " b^T" : ""),
                        in -> in.get(0).addMatmul(in.get(1), in.get(2), tb, 0.5),
                        new int[] {s[0], s[2]},
                        new int[] {s[0], s[1]},
                        b);
            }
        }
    }

    private void linearLayers() {
        int[][] inputs = {{4}, {3, 4}, {1, 4}, {2, 3, 4}, {0, 4}, {5, 1}, {13, 11}, {17, 129}};
        for (int[] x : inputs) {
            for (int out : new int[] {1, 3, 7}) {
                int[] w = {out, x[x.length - 1]};
                add("linear", in -> in.get(0).linear(in.get(1), null), x, w);
                add("linear", in -> in.get(0).linear(in.get(1), in.get(2)), x, w, new int[] {out});
            }
        }
    }

    private void normalisations() {
        for (int[] s : WITH_ROWS) {
            unary("softmax", Values.ANY, Tensor::softmax, s);
            unary("logSoftmax", Values.ANY, Tensor::logSoftmax, s);
            int[] vector = {s[s.length - 1]};
            add("layerNorm", in -> in.get(0).layerNorm(in.get(1), in.get(2), 1e-2), s, vector, vector);
            add("rmsNorm", in -> in.get(0).rmsNorm(in.get(1), 1e-2), s, vector);
        }
    }

    private void reductions() {
        for (int[] s : new int[][] {{}, {1}, {5}, {5, 1}, {1, 5}, {3, 4, 5}, {0, 3}}) {
            unary("sum", Values.ANY, Tensor::sum, s);
            for (int axis = -s.length; axis < s.length; axis++) {
                int a = axis;
                unary("sum(" + a + ")", Values.ANY, x -> x.sum(a), s);
                if (s[Math.floorMod(a, s.length)] > 0) {
                    unary("mean(" + a + ")", Values.ANY, x -> x.mean(a), s);
                }
            }
            if (Shape.of(s).size() > 0) {
                unary("mean", Values.ANY, Tensor::mean, s);
            }
        }
    }

    private void movements() {
        unary("reshape", Values.ANY, x -> x.reshape(6, 2), 3, 4);
        unary("reshape", Values.ANY, x -> x.reshape(), 1, 1);
        unary("reshape", Values.ANY, x -> x.reshape(5, 0, 2), 0, 3);
        unary("permute", Values.ANY, x -> x.permute(2, 0, 1), 2, 3, 4);
        unary("permute", Values.ANY, x -> x.permute(0, 2, 1, 3), 2, 3, 5, 7);
        unary("permute", Values.ANY, x -> x.permute(3, 1, 0, 2), 2, 1, 5, 3);
        unary("permute", Values.ANY, x -> x.permute(0), 5);
        unary("permute", Values.ANY, x -> x.permute(), new int[0]);
        unary("permute", Values.ANY, x -> x.permute(1, 0), 0, 3);
        unary("transpose", Values.ANY, Tensor::transpose, 3, 4);
        unary("transpose", Values.ANY, Tensor::transpose, 1, 5);
        unary("transpose", Values.ANY, Tensor::transpose, 2, 5, 3);
        unary("slice(0, 1, 3)", Values.ANY, x -> x.slice(0, 1, 3), 4, 3);
        unary("slice(-1, 1, 2)", Values.ANY, x -> x.slice(-1, 1, 2), 4, 3);
        unary("slice(1, 0, 2)", Values.ANY, x -> x.slice(1, 0, 2), 2, 5, 3);
        unary("slice(1, 5, 5)", Values.ANY, x -> x.slice(1, 5, 5), 2, 5);
        unary("slice(0, 0, 5)", Values.ANY, x -> x.slice(0, 0, 5), 5);
        Function<List<Tensor>, Tensor> rows = in -> Tensor.concat(0, in);
        Function<List<Tensor>, Tensor> columns = in -> Tensor.concat(-1, in);
        add("concat(0)", rows, new int[] {2, 3}, new int[] {1, 3}, new int[] {4, 3});
        add("concat(0)", rows, new int[] {2, 3}, new int[] {0, 3});
        add("concat(0)", rows, new int[] {5});
        add("concat(-1)", columns, new int[] {2, 3}, new int[] {2, 1}, new int[] {2, 2});
        add("concat(-1)", columns, new int[] {2, 2, 1}, new int[] {2, 2, 3});
        add("concat(1)", in -> Tensor.concat(1, in), new int[] {2, 1, 3}, new int[] {2, 4, 3});
        add("concat of one tensor twice", in -> Tensor.concat(0, List.of(in.get(0), in.get(0))), new int[] {2, 3});
        unary("gatherRows", Values.ANY, x -> x.gatherRows(4, 0, 4, 4, 2), 5, 3);
        unary("gatherRows", Values.ANY, x -> x.gatherRows(0), 1, 1);
        unary("gatherRows", Values.ANY, x -> x.gatherRows(1, 1, 0), 2);
        unary("gatherRows", Values.ANY, x -> x.gatherRows(2, 0, 2), 3, 2, 2);
        unary("gatherRows of none", Values.ANY, x -> x.gatherRows(), 3, 2);
        unary("scatterRows", Values.ANY, x -> x.scatterRows(new int[] {3, 0, 4}, 6), 3, 2);
        unary("scatterRows that recur", Values.ANY, x -> x.scatterRows(new int[] {1, 0, 1, 1}, 2), 4, 1, 3);
        unary("scatterRows of none", Values.ANY, x -> x.scatterRows(new int[0], 3), 0, 2);
    }

    private void attentions() {
        int[] ragged = {0, 3, 4, 9, 11};
        int[] one = {0, 1};
        attention(AttentionLayout.self(ragged, 1, 4, false));
        attention(AttentionLayout.self(ragged, 3, 2, false));
        attention(AttentionLayout.self(ragged, 3, 2, true));
        attention(AttentionLayout.self(one, 2, 3, false));
        attention(AttentionLayout.self(one, 1, 1, true));
        attention(AttentionLayout.self(new int[] {0}, 2, 3, false));
        attention(AttentionLayout.self(new int[] {0, 0, 2, 2, 5}, 2, 3, false));
        attention(new AttentionLayout(ragged, ragged, 4, 2, 3, 0.7, false));
        attention(new AttentionLayout(ragged, ragged, 6, 1, 2, 0.7, true));
        int[] more = {0, 4, 5, 12, 15};
        attention(new AttentionLayout(ragged, more, 2, 2, 3, 0.5, false));
        attention(new AttentionLayout(ragged, more, 4, 2, 2, 0.5, true));
        attention(new AttentionLayout(more, ragged, 2, 1, 3, 0.5, false));
        attention(new AttentionLayout(new int[] {0, 0, 2}, new int[] {0, 2, 5}, 2, 2, 2, 0.5, true));
        int[] first = {0, 1, 2, 3, 4};
        attention(AttentionLayout.self(ragged, 3, 2, false).withQueries(first));
        attention(new AttentionLayout(first, ragged, 4, 2, 3, 0.7, true));
        attention(AttentionLayout.self(ragged, 2, 2, false).withQueries(new int[] {0, 0, 1, 4, 4}));
        int[] longer = {0, 17, 18, 147};
        attention(AttentionLayout.self(longer, 2, 5, false));
        attention(new AttentionLayout(longer, longer, 4, 1, 3, 0.6, true));
        attention(new AttentionLayout(new int[] {0, 2, 3, 6}, longer, 2, 2, 3, 0.6, true));
        for (int window : new int[] {1, 2, 4, 100}) {
            attention(new AttentionLayout(ragged, more, 4, 2, 2, 0.5, true).withWindow(window));
        }
        attention(new AttentionLayout(longer, longer, 4, 1, 3, 0.6, true).withWindow(30));
        attention(new AttentionLayout(longer, longer, 2, 2, 3, 0.6, true)
                .withWindow(70)
                .withQueries(new int[] {0, 2, 3, 90}));
        attention(AttentionLayout.self(ragged, 3, 2, false).withSoftCap(0.8));
        attention(new AttentionLayout(ragged, more, 4, 2, 3, 2, true)
                .withWindow(3)
                .withSoftCap(1.5));
    }

    private void attention(AttentionLayout layout) {
        int[] q = {last(layout.queryOffsets()), layout.heads() * layout.headSize()};
        int[] k = {last(layout.keyOffsets()), layout.keyHeads() * layout.headSize()};
        add(
                "attention " + AttentionSizes.named(layout),
                in -> in.get(0).attention(in.get(1), in.get(2), layout),
                q,
                k,
                k);
    }

    private void losses() {
        unary("crossEntropy", Values.ANY, x -> x.crossEntropy(2, 0, 1, 2), 4, 3);
        unary("crossEntropy ignoring", Values.ANY, x -> x.crossEntropy(-100, 4, -100), 3, 5);
        unary("crossEntropy ignoring all", Values.ANY, x -> x.crossEntropy(-100, -100), 2, 3);
        unary("crossEntropy of one class", Values.ANY, x -> x.crossEntropy(0, -100), 2, 1);
        unary("crossEntropy of no row", Values.ANY, x -> x.crossEntropy(), 0, 3);
        unary("crossEntropy", Values.ANY, x -> x.crossEntropy(16), 1, 17);
        linearCrossEntropy("", 3, 4, 5, 2, 0, 4);
        linearCrossEntropy("ignoring", 4, 3, 7, -100, 6, -100, 0);
        linearCrossEntropy("ignoring all", 2, 3, 5, -100, -100);
        linearCrossEntropy("of no row", 0, 3, 5);
        linearCrossEntropy("of one class", 2, 3, 1, 0, 0);
        int[] chunks = new int[300]; // more than are computed at once
        Arrays.setAll(chunks, i -> i % 7 == 3 ? -100 : i * i % 17);
        linearCrossEntropy("of many rows", 300, 3, 17, chunks);
    }

    private void linearCrossEntropy(String name, int rows, int hidden, int classes, int... labels) {
        Function<List<Tensor>, Tensor> operation = in -> in.get(0).linearCrossEntropy(in.get(1), labels);
        add("linearCrossEntropy " + name, operation, new int[] {rows, hidden}, new int[] {classes, hidden});
    }

    private void gates() {
        for (int[] s : SHAPES) {
            for (Unary op : List.of(Unary.SILU, Unary.GELU, Unary.GELU_TANH, Unary.SIGMOID, Unary.TANH)) {
                add("gated " + op, in -> in.get(0).gated(op, in.get(1)), s, s);
            }
        }
    }

    private void rotations() {
        int[][] sizes = {{1, 1, 2}, {3, 2, 4}, {17, 3, 6}, {129, 1, 2}, {0, 2, 4}};
        for (int[] s : sizes) {
            float[] cos = new float[s[0] * s[2] / 2];
            float[] sin = new float[cos.length];
            for (int i = 0; i < cos.length; i++) {
                cos[i] = (float) Math.cos(0.7 * i);
                sin[i] = (float) Math.sin(0.7 * i);
            }
            unary("rotary by heads of " + s[2], Values.ANY, x -> x.rotary(s[2], cos, sin), s[0], s[1] * s[2]);
        }
    }

    private void customOperations() {
        for (int[] s : SHAPES) {
            unary("custom cube", Values.ANY, OperationCases::cube, s);
        }
    }

    /** x^3 by hand, with the gradient 3 x^2 dy. */
    private static Tensor cube(Tensor x) {
        return Tensor.custom(
                List.of(x),
                in -> {
                    try (Tensor square = in.get(0).square()) {
                        return square.mul(in.get(0));
                    }
                },
                (dy, in) -> in.add(0, x.square().mul(dy).mul(3)));
    }

    private void unary(String name, Values kind, UnaryOperator<Tensor> operation, int... shape) {
        cases.add(new OperationCase(name, List.of(Shape.of(shape)), List.of(kind), in -> operation.apply(in.get(0))));
    }

    private void binary(String name, Values kind, BiFunction<Tensor, Tensor, Tensor> operation, int[]... shapes) {
        cases.add(new OperationCase(
                name,
                List.of(Shape.of(shapes[0]), Shape.of(shapes[1])),
                List.of(Values.ANY, kind),
                in -> operation.apply(in.get(0), in.get(1))));
    }

    private void add(String name, Function<List<Tensor>, Tensor> operation, int[]... shapes) {
        List<Shape> all = Arrays.stream(shapes).map(Shape::of).toList();
        cases.add(new OperationCase(name, all, all.stream().map(s -> Values.ANY).toList(), operation));
    }

    private static int[] join(int[] a, int[] b) {
        int[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }

    private static int last(int[] offsets) {
        return offsets[offsets.length - 1];
    }
}
