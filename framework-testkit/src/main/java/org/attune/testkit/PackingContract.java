package org.attune.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;
import org.attune.tensor.DType;
import org.attune.tensor.Gradients;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.TensorEngine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * See {@link EngineContract.Packing}. One layer of an encoder over packed sequences of ragged lengths, a length of 1 among them.
 */
abstract class PackingContract {
    private static final int[] LENGTHS = {5, 1, 17, 2, 33};
    private static final int LONGEST = 33;
    private static final int HEADS = 3;
    private static final int SIZE = 8;
    private static final int WIDTH = HEADS * SIZE;
    private static final int INNER = 40;
    private static final int[] OFFSETS = {0, 5, 6, 23, 25, 58};
    private static final int TOKENS = 58;

    private final TensorEngine engine;
    private final Closeness close;

    PackingContract(TensorEngine engine) {
        this.engine = engine;
        this.close = Closeness.of(engine.dtype());
    }

    /** Weights of the layer: query, key, value, gamma, beta, up, down. */
    private List<Tensor> weights() {
        List<Tensor> weights = new ArrayList<>();
        int[][] dims = {{WIDTH, WIDTH}, {WIDTH, WIDTH}, {WIDTH, WIDTH}, {WIDTH}, {WIDTH}, {INNER, WIDTH}, {WIDTH, INNER}
        };
        for (int[] d : dims) {
            Shape shape = Shape.of(d);
            double[] values = Arrays.stream(Values.ANY.draw(shape, 10 + weights.size()))
                    .map(v -> (float) (0.2 * v))
                    .toArray();
            Tensor w = Tensor.zeros(engine, shape).trainable();
            w.set(values);
            weights.add(w);
        }
        return weights;
    }

    private static Tensor layer(Tensor x, List<Tensor> w, Attention attention) {
        Tensor context = attention.of(x.linear(w.get(0), null), x.linear(w.get(1), null), x.linear(w.get(2), null));
        Tensor h = x.add(context).layerNorm(w.get(3), w.get(4), 1e-5);
        return h.add(h.linear(w.get(5), null).gelu().linear(w.get(6), null)).layerNorm(w.get(3), w.get(4), 1e-5);
    }

    private interface Attention {
        Tensor of(Tensor q, Tensor k, Tensor v);
    }

    private static Tensor packed(Tensor x, List<Tensor> w, boolean causal) {
        AttentionLayout layout = AttentionLayout.self(OFFSETS, HEADS, SIZE, causal);
        return layer(x, w, (q, k, v) -> q.attention(k, v, layout));
    }

    /** The layer as it is without packing: [sequences, longest, width], attention over all keys with a mask. */
    private Tensor padded(Tensor x, List<Tensor> w, boolean causal) {
        int n = LENGTHS.length;
        Tensor rows = x.scatterRows(places(), n * LONGEST).reshape(n, LONGEST, WIDTH);
        Tensor mask = Tensor.of(engine, Shape.of(n, 1, LONGEST, LONGEST), mask(causal));
        Tensor out = layer(rows, w, (q, k, v) -> {
            Tensor scores = heads(q).matmul(heads(k), false, true)
                    .mul(1 / Math.sqrt(SIZE))
                    .add(mask);
            return scores.softmax().matmul(heads(v)).permute(0, 2, 1, 3).reshape(n, LONGEST, WIDTH);
        });
        return out.reshape(n * LONGEST, WIDTH).gatherRows(places());
    }

    private static Tensor heads(Tensor x) {
        return x.reshape(LENGTHS.length, LONGEST, HEADS, SIZE).permute(0, 2, 1, 3);
    }

    /** The row of each token among the padded. */
    private static int[] places() {
        int[] places = new int[TOKENS];
        int t = 0;
        for (int s = 0; s < LENGTHS.length; s++) {
            for (int i = 0; i < LENGTHS[s]; i++) {
                places[t++] = s * LONGEST + i;
            }
        }
        return places;
    }

    private static float[] mask(boolean causal) {
        float[] mask = new float[LENGTHS.length * LONGEST * LONGEST];
        for (int i = 0; i < mask.length; i++) {
            int key = i % LONGEST;
            int query = i / LONGEST % LONGEST;
            int sequence = i / LONGEST / LONGEST;
            mask[i] = key < LENGTHS[sequence] && (!causal || key <= query) ? 0 : -1e9f;
        }
        return mask;
    }

    @ParameterizedTest(name = "causal {0}")
    @ValueSource(booleans = {false, true})
    void packedSequencesGiveWhatPaddedOnesGive(boolean causal) {
        Shape shape = Shape.of(TOKENS, WIDTH);
        List<List<double[]>> results = new ArrayList<>();
        List<BiFunction<Tensor, List<Tensor>, Tensor>> forms =
                List.of((x, w) -> packed(x, w, causal), (x, w) -> padded(x, w, causal));
        for (BiFunction<Tensor, List<Tensor>, Tensor> form : forms) {
            List<Tensor> all = new ArrayList<>(weights());
            Tensor x = Tensor.of(engine, shape, Values.ANY.draw(shape, 1)).trainable();
            all.add(x);
            List<Tensor> w = all.subList(0, 7);
            OperationCase.Outcome outcome = OperationCase.run(engine, all, in -> form.apply(x, w));
            List<double[]> numbers = new ArrayList<>(outcome.gradients());
            numbers.add(outcome.values());
            results.add(numbers);
        }
        for (int i = 0; i < results.get(0).size(); i++) {
            double[] expected = results.get(1).get(i);
            // The inputs' sums of products and the norms in a row cost a few roundings more than one operation.
            Closeness sums = close.ofSums(expected);
            new Closeness(10 * sums.absolute(), 10 * sums.relative())
                    .check("result " + i, results.get(0).get(i), expected);
        }
    }

    /** Even numbers that would spoil all that they touch. */
    @Test
    void aSequenceLeavesTheOthersBitsAlone() {
        for (DType type : engine.dtypes()) {
            for (boolean causal : new boolean[] {false, true}) {
                double[] values = Values.ANY.draw(Shape.of(TOKENS, WIDTH), 1);
                List<double[]> before = outputAndInputGradient(values, type, causal);
                for (int changed = 0; changed < LENGTHS.length; changed++) {
                    for (double by : new double[] {0.75, Double.NaN}) {
                        double[] others = values.clone();
                        for (int i = OFFSETS[changed] * WIDTH; i < OFFSETS[changed + 1] * WIDTH; i++) {
                            others[i] += by;
                        }
                        List<double[]> after = outputAndInputGradient(others, type, causal);
                        for (int r = 0; r < 2; r++) {
                            String what = (r == 0 ? "output" : "gradient") + " in " + type + " of the rows ";
                            int from = OFFSETS[changed] * WIDTH;
                            int to = OFFSETS[changed + 1] * WIDTH;
                            double[] a = after.get(r);
                            double[] b = before.get(r);
                            assertThat(Arrays.equals(a, 0, from, b, 0, from))
                                    .as(what + "before sequence %d", changed)
                                    .isTrue();
                            assertThat(Arrays.equals(a, to, a.length, b, to, b.length))
                                    .as(what + "after sequence %d", changed)
                                    .isTrue();
                            assertThat(Arrays.equals(a, from, to, b, from, to))
                                    .as(what + "of the sequence itself")
                                    .isFalse();
                        }
                    }
                }
            }
        }
    }

    private List<double[]> outputAndInputGradient(double[] values, DType type, boolean causal) {
        List<Tensor> w = weights();
        try (Tensor x = Tensor.zeros(engine, Shape.of(TOKENS, WIDTH)).trainable();
                Gradients gradients = new Gradients(List.of(x));
                Scope scope = Scope.open(engine)) {
            x.set(values);
            Tensor out = packed(x.to(type), w, causal);
            double[] result = out.toDoubles();
            scope.backward(out.square().mul(0.5).add(out).sum(), gradients);
            return List.of(result, gradients.of(x).toDoubles());
        } finally {
            w.forEach(Tensor::close);
        }
    }
}
