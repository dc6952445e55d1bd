package org.attune.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.attune.tensor.DType;
import org.attune.tensor.Shape;
import org.attune.tensor.engine.AdamStep;
import org.attune.tensor.engine.Arena;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.Binary;
import org.attune.tensor.engine.Matmul;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.engine.Unary;
import org.attune.tensor.io.TensorFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** See {@link EngineContract.Kernels}. */
abstract class KernelContract {
    private final TensorEngine engine;
    private final TensorEngine oracle;
    private final Closeness close;
    private final List<Storage> opened = new ArrayList<>();

    KernelContract(TensorEngine engine, TensorEngine oracle) {
        this.engine = engine;
        this.oracle = oracle;
        this.close = Closeness.of(engine.dtype());
    }

    @AfterEach
    void free() {
        opened.forEach(Storage::close);
    }

    private Storage storage(TensorEngine e, double... values) {
        Storage s = e.allocate(values.length, e.dtype());
        opened.add(s);
        e.write(values, 0, values.length, s);
        return s;
    }

    private Storage storage(double... values) {
        return storage(engine, values);
    }

    private static double[] read(TensorEngine e, Storage s) {
        double[] values = new double[(int) s.size()];
        e.read(s, values, 0, values.length);
        return values;
    }

    private double[] read(Storage s) {
        return read(engine, s);
    }

    private static double[] draw(int n, long place) {
        return Values.ANY.draw(Shape.of(n), place);
    }

    private static double[] repeat(double value, int n) {
        double[] values = new double[n];
        Arrays.fill(values, value);
        return values;
    }

    // ---- reading, writing, moving ----

    @Test
    void hostArraysAreReadAndWrittenInPart() {
        Storage s = storage(0, 0, 0, 0);
        engine.write(new float[] {9, 1.5f, 2.5f, 9}, 1, 2, s.slice(1, 3));
        float[] floats = {7, 7, 7, 7, 7};
        engine.read(s, floats, 1, 3);
        assertThat(floats).containsExactly(7, 0, 1.5f, 2.5f, 7);
        engine.write(new double[] {9, 9, -4}, 2, 1, s.slice(3, 1));
        double[] doubles = {7, 7, 7};
        engine.read(s.slice(2, 2), doubles, 1, 2);
        assertThat(doubles).containsExactly(7, 2.5, -4);
    }

    @Test
    void blocksAreCopiedByOffsetAndStride() {
        Storage x = storage(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
        Storage out = storage(repeat(-1, 8));
        engine.copyBlocks(x, 1, 4, out, 0, 3, 2, 2);
        assertThat(read(out)).containsExactly(1, 2, -1, 5, 6, -1, -1, -1);
        engine.copyBlocks(x.slice(5, 5), 0, 1, out.slice(5, 3), 2, -1, 1, 3);
        assertThat(read(out)).containsExactly(1, 2, -1, 5, 6, 7, 6, 5);
    }

    @Test
    void scatteredRowsAreAddedToWhatIsThere() {
        Storage out = storage(10, 10, 20, 20, 30, 30);
        engine.scatterAddRows(storage(1, 2, 3, 4, 5, 6), 2, new int[] {2, 0, 2}, out);
        assertThat(read(out)).containsExactly(13, 14, 20, 20, 36, 38);
    }

    // ---- outputs that are inputs too ----

    @ParameterizedTest
    @EnumSource
    void unaryGradMayOverwriteItsGradient(Unary op) {
        Storage x = storage(0.5, 1, 1.5, 2, 0.25);
        Storage dy = storage(1, -2, 3, 0.5, 4);
        Storage dx = storage(repeat(Double.NaN, 5));
        engine.unaryGrad(op, x, dy, dx);
        engine.unaryGrad(op, x, dy, dy);
        assertThat(read(dy)).containsExactly(read(dx));
    }

    @Test
    void affineMayOverwriteItsInput() {
        Storage x = storage(1, -2, 0);
        engine.affine(x, 2, 0.5, x);
        assertThat(read(x)).containsExactly(2.5, -3.5, 0.5);
    }

    @Test
    void softmaxGradMayOverwriteItsGradient() {
        Storage y = storage(0.5, 0.25, 0.25, 0.125, 0.125, 0.75);
        Storage dy = storage(1, 2, 3, -1, 0, 1);
        Storage dx = storage(repeat(Double.NaN, 6));
        engine.softmaxGrad(y, dy, 2, 3, dx);
        engine.softmaxGrad(y, dy, 2, 3, dy);
        assertThat(read(dy)).containsExactly(read(dx));
    }

    @Test
    void accumulateAddsAMultiple() {
        Storage out = storage(1, 2, 3);
        engine.accumulate(-0.5, storage(2, 4, 8), out);
        assertThat(read(out)).containsExactly(0, 0, -1);
    }

    // ---- products ----

    @ParameterizedTest(name = "beta {0}")
    @ValueSource(doubles = {0, 0.5, 1, -2})
    void productsAreScaledAndAddedToTheOldContent(double beta) {
        int m = 5;
        int n = 7;
        int k = 3;
        for (boolean ta : new boolean[] {false, true}) {
            for (boolean tb : new boolean[] {false, true}) {
                for (boolean shared : new boolean[] {false, true}) {
                    Matmul form = new Matmul(2, m, n, k, ta, tb, shared, 1.5, beta);
                    double[] a = draw(2 * m * k, 1);
                    double[] b = draw(shared ? k * n : 2 * k * n, 2);
                    double[] old = draw(2 * m * n, 3);
                    close.check(form.toString(), multiply(engine, form, a, b, old), multiply(oracle, form, a, b, old));
                }
            }
        }
    }

    private double[] multiply(TensorEngine e, Matmul form, double[] a, double[] b, double[] old) {
        Storage out = storage(e, old);
        e.matmul(form, storage(e, a), storage(e, b), out);
        return read(e, out);
    }

    @Test
    void aProductWithBetaZeroIgnoresTheOldContent() {
        for (int k : new int[] {0, 2}) {
            Storage out = storage(repeat(Double.NaN, 4));
            engine.matmul(Matmul.of(2, 2, k, false, false), storage(repeat(1, 2 * k)), storage(repeat(1, 2 * k)), out);
            assertThat(read(out)).containsOnly(k);
        }
    }

    @Test
    void productsWorkOnSlices() {
        Storage a = storage(9, 9, 9, 1, 2, 3, 4);
        Storage b = storage(9, 5, 6, 7, 8);
        Storage out = storage(repeat(-1, 6));
        engine.matmul(Matmul.of(2, 2, 2, false, false), a.slice(3, 4), b.slice(1, 4), out.slice(1, 4));
        assertThat(read(out)).containsExactly(-1, 19, 22, 43, 50, -1);
    }

    /** What may change a storage, large enough that an engine may keep a copy of it as a weight. */
    private interface Change {
        void of(Storage w, Storage other);
    }

    private static final int OUT = 192;
    private static final int IN = 256;

    private Map<String, Change> changes() {
        int n = OUT * IN;
        int[] dims = {OUT, IN};
        int[] strides = {IN, 1};
        AttentionLayout layout = AttentionLayout.self(new int[] {0, OUT}, 4, IN / 4, false);
        AdamStep adam = new AdamStep(0.1, 0.9, 0.999, 1e-8, 0, 1);
        Map<String, Change> all = new LinkedHashMap<>();
        all.put("write", (w, x) -> engine.write(draw(n, 7), 0, n, w));
        all.put("write of floats", (w, x) -> engine.write(new float[n], 0, n, w));
        all.put("write of a part", (w, x) -> engine.write(draw(5, 8), 0, 5, w.slice(100, 5)));
        all.put("fill", (w, x) -> engine.fill(w, 0.25));
        all.put("copy", (w, x) -> engine.copy(x, w));
        all.put("copyBlocks", (w, x) -> engine.copyBlocks(x, 0, 3, w, 1, 5, 2, 100));
        all.put("permute", (w, x) -> engine.permute(x, new int[] {IN, OUT}, new int[] {1, 0}, w));
        all.put("unary", (w, x) -> engine.unary(Unary.TANH, x, w));
        all.put("unaryGrad", (w, x) -> engine.unaryGrad(Unary.TANH, x, x, w));
        all.put("binary", (w, x) -> engine.binary(Binary.MUL, x, strides, x, strides, dims, w));
        all.put("gated", (w, x) -> engine.gated(Unary.SILU, x, x, w));
        all.put("affine", (w, x) -> engine.affine(x, 2, 1, w));
        all.put("affine in place", (w, x) -> engine.affine(w, 2, 1, w));
        all.put("accumulate", (w, x) -> engine.accumulate(0.5, x, w));
        all.put("sum", (w, x) -> engine.sum(x, 1, OUT, IN, w.slice(IN, IN)));
        all.put(
                "matmul",
                (w, x) -> engine.matmul(Matmul.of(OUT, IN, 1, false, false), x.slice(0, OUT), x.slice(0, IN), w));
        all.put(
                "matmul that adds",
                (w, x) -> engine.matmul(
                        new Matmul(1, OUT, IN, 1, false, false, false, 1, 1), x.slice(0, OUT), x.slice(0, IN), w));
        all.put("linear", (w, x) -> engine.linear(x.slice(0, OUT), x.slice(0, IN), null, OUT, 1, IN, w));
        all.put("softmax", (w, x) -> engine.softmax(x, OUT, IN, w));
        all.put("softmaxGrad", (w, x) -> engine.softmaxGrad(x, x, OUT, IN, w));
        all.put("logSoftmax", (w, x) -> engine.logSoftmax(x, OUT, IN, w));
        all.put("rotary", (w, x) -> engine.rotary(x, OUT, 1, IN, new float[n / 2], new float[n / 2], false, w));
        all.put(
                "gatherRows",
                (w, x) -> engine.gatherRows(
                        x, IN, IntStream.range(0, OUT).map(i -> OUT - 1 - i).toArray(), w));
        all.put("scatterAddRows", (w, x) -> engine.scatterAddRows(x.slice(0, IN), IN, new int[] {3}, w));
        all.put("attention", (w, x) -> engine.attention(layout, x, x, x, w, storage(repeat(0, 4 * OUT * OUT))));
        all.put("adam", (w, x) -> engine.adam(adam, w, x, storage(new double[n]), storage(new double[n])));
        return all;
    }

    /** An engine may keep a weight in a form of its own, but not beyond its next change. */
    @Test
    void aProductReadsWhatWasLastWritten() {
        for (DType type : engine.dtypes()) {
            for (int rows : type == engine.dtype() ? new int[] {3, 70, 128} : new int[] {3, 128}) {
                Storage x = storage(draw(rows * IN, 1));
                Storage narrow = engine.allocate(x.size(), type);
                opened.add(narrow);
                engine.copy(x, narrow);
                Storage other = storage(draw(OUT * IN, 3));
                Storage w = storage(draw(OUT * IN, 2));
                weigh(narrow, w, rows);
                for (Map.Entry<String, Change> change : changes().entrySet()) {
                    change.getValue().of(w, other);
                    double[] expected = weigh(narrow, storage(read(w)), rows);
                    String what = "after " + change.getKey() + ", " + rows + " rows of " + type;
                    close.ofSums(expected).check(what, weigh(narrow, w, rows), expected);
                }
            }
        }
    }

    /** The products of both directions with a weight, one after the other. */
    private double[] weigh(Storage x, Storage w, int rows) {
        Storage y = storage(repeat(0, rows * OUT));
        Storage back = storage(repeat(0, rows * IN));
        engine.linear(x, w, null, rows, IN, OUT, y);
        engine.matmul(Matmul.of(rows, IN, OUT, false, false), y, w, back);
        double[] both = Arrays.copyOf(read(y), rows * (OUT + IN));
        System.arraycopy(read(back), 0, both, rows * OUT, rows * IN);
        return both;
    }

    // ---- numbers at the edges ----

    static Stream<Unary> saturating() {
        return Stream.of(Unary.TANH, Unary.SIGMOID, Unary.RELU, Unary.GELU, Unary.GELU_TANH, Unary.SILU, Unary.ABS);
    }

    @ParameterizedTest
    @MethodSource("saturating")
    void functionsAndDerivativesHoldFarFromZero(Unary op) {
        double[] x = IntStream.rangeClosed(-400, 400)
                .filter(i -> i != 0)
                .mapToDouble(i -> 0.25 * i)
                .toArray();
        close.check("value", apply(engine, op, x), apply(oracle, op, x));
        close.check("derivative", differentiate(engine, op, x), differentiate(oracle, op, x));
    }

    private double[] apply(TensorEngine e, Unary op, double[] x) {
        Storage y = storage(e, repeat(Double.NaN, x.length));
        e.unary(op, storage(e, x), y);
        return read(e, y);
    }

    private double[] differentiate(TensorEngine e, Unary op, double[] x) {
        Storage d = storage(e, repeat(1, x.length));
        e.unaryGrad(op, storage(e, x), d, d);
        return read(e, d);
    }

    @Test
    void absAndReluHaveSlopeZeroAtZero() {
        assertThat(differentiate(engine, Unary.ABS, new double[] {0})).containsExactly(0);
        assertThat(differentiate(engine, Unary.RELU, new double[] {0})).containsExactly(0);
    }

    @Test
    void softmaxDoesNotOverflow() {
        double[] x = {1000, 999, -1000, -1000, -1001, -3000, 0, 0, 0};
        double e1 = 1 / (1 + Math.exp(-1));
        Storage y = storage(repeat(Double.NaN, 9));
        engine.softmax(storage(x), 3, 3, y);
        close.check("softmax", read(y), new double[] {e1, 1 - e1, 0, e1, 1 - e1, 0, 1. / 3, 1. / 3, 1. / 3});
        engine.logSoftmax(storage(x), 3, 3, y);
        double l = Math.log(e1);
        double third = -Math.log(3);
        close.check("logSoftmax", read(y), new double[] {l, l - 1, l - 2000, l, l - 1, l - 2000, third, third, third});
    }

    @Test
    void crossEntropyDoesNotOverflow() {
        Storage losses = storage(repeat(Double.NaN, 3));
        Storage probabilities = storage(repeat(Double.NaN, 6));
        int[] labels = {1, 0, -100};
        engine.crossEntropy(storage(1000, -1000, 1000, -1000, 5, 5), 3, 2, labels, losses, probabilities);
        assertThat(read(losses)).containsExactly(2000, 0, 0);
        Storage gradient = storage(repeat(Double.NaN, 6));
        engine.crossEntropyGrad(probabilities, 3, 2, labels, storage(0.5, 0.5, 0.5), gradient);
        assertThat(read(gradient)).containsExactly(0.5, -0.5, 0, 0, 0, 0);
    }

    @Test
    void attentionDoesNotOverflow() {
        AttentionLayout layout = AttentionLayout.self(new int[] {0, 2}, 1, 1, false);
        Storage q = storage(300, -300);
        Storage out = storage(repeat(Double.NaN, 2));
        engine.attention(layout, q, q, storage(1, 2), out, storage(repeat(Double.NaN, 4)));
        assertThat(read(out)).containsExactly(1, 2);
    }

    /** A variance taken as the mean square less the squared mean would lose four digits here. */
    @Test
    void layerNormHoldsFarFromZero() {
        int columns = 64;
        double[] x =
                Arrays.stream(draw(2 * columns, 1)).map(v -> (float) (v + 100)).toArray();
        Closeness loose =
                new Closeness(10 * close.absolute(), 10 * close.relative()); // x itself is rounded 50 times as coarsely
        loose.check("layerNorm", normalise(engine, x, columns), normalise(oracle, x, columns));
    }

    private double[] normalise(TensorEngine e, double[] x, int columns) {
        int rows = x.length / columns;
        Storage y = storage(e, repeat(Double.NaN, x.length));
        e.layerNorm(
                storage(e, x),
                storage(e, repeat(1, columns)),
                storage(e, repeat(0, columns)),
                rows,
                columns,
                1e-5,
                y,
                storage(e, new double[rows]),
                storage(e, new double[rows]));
        return read(e, y);
    }

    @Test
    void sumsOfSquaresAreTakenInFloat64() {
        int n = 1 << 20;
        double tenth = 0.1f;
        double sum = engine.sumOfSquares(storage(repeat(tenth, n)));
        assertThat(sum).isCloseTo(n * tenth * tenth, within(1e-9 * sum));
    }

    // ---- memory of unspecified content ----

    /** What a kernel calls overwritten must not depend on what an arena's block held before. */
    @Test
    void outputsInUsedMemoryAreOverwritten() {
        AttentionLayout layout = AttentionLayout.self(new int[] {0, 1, 3}, 2, 2, true);
        Storage x = storage(draw(12, 1));
        List<double[]> results = new ArrayList<>();
        for (double before : new double[] {0, Double.NaN}) {
            try (Arena arena = engine.openArena()) {
                Storage out = arena.allocate(12, engine.dtype());
                Storage probabilities = arena.allocate(layout.probabilities(), engine.dtype());
                Storage dk = arena.allocate(12, engine.dtype());
                List.of(out, probabilities, dk).forEach(s -> engine.fill(s, before));
                engine.attention(layout, x, x, x, out, probabilities);
                engine.attentionGrad(layout, x, x, x, probabilities, out, null, dk, null);
                results.add(read(out));
                results.add(read(dk));
                engine.fill(out, before);
                engine.sum(x, 2, 3, 2, out.slice(0, 4));
                engine.layerNormGrad(
                        x,
                        x.slice(0, 4),
                        x.slice(0, 3),
                        x.slice(3, 3),
                        x,
                        3,
                        4,
                        null,
                        out.slice(4, 4),
                        out.slice(8, 4));
                results.add(read(out));
            }
        }
        for (int i = 0; i < 3; i++) {
            assertThat(results.get(i + 3)).containsExactly(results.get(i));
        }
    }

    // ---- the optimiser ----

    /** Against torch.optim.AdamW, float32: 12 steps, as make_extras.py wrote them. */
    @ParameterizedTest
    @ValueSource(strings = {"adamw", "adamw-nowd", "adamw-betas-eps"})
    void adamEqualsPyTorchs(String name) throws IOException {
        JsonNode settings = new ObjectMapper()
                .readTree(Golden.path("optim/optim.json").toFile())
                .path("optimizers")
                .path(name);
        JsonNode betas = settings.path("betas");
        Closeness float32 = new Closeness(1e-7, 2e-6); // the golden values' own precision
        try (TensorFile golden = TensorFile.open(Golden.path("optim/optim.safetensors"))) {
            for (String parameter : List.of("w", "b")) {
                double[] gradients = golden.doubles("grad." + parameter);
                double[] expected = golden.doubles(name + "." + parameter);
                Storage p = storage(golden.doubles("init." + parameter));
                int n = (int) p.size();
                Storage m = storage(new double[n]);
                Storage v = storage(new double[n]);
                for (int step = 1; step <= gradients.length / n; step++) {
                    int from = (step - 1) * n;
                    AdamStep form = new AdamStep(
                            settings.path("lr").asDouble(),
                            betas.path(0).asDouble(0.9),
                            betas.path(1).asDouble(0.999),
                            settings.path("eps").asDouble(1e-8),
                            settings.path("weight_decay").asDouble(),
                            step);
                    engine.adam(form, p, storage(Arrays.copyOfRange(gradients, from, from + n)), m, v);
                    float32.check(
                            parameter + " after step " + step, read(p), Arrays.copyOfRange(expected, from, from + n));
                }
            }
        }
    }
}
