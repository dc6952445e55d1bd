package org.attune.tensor.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.attune.tensor.engine.AdamStep;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.Binary;
import org.attune.tensor.engine.Matmul;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.engine.Unary;
import org.attune.tensor.reference.ReferenceEngine;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Sizes of real models, which kernels run in several pieces; the suite that all engines share keeps to small ones. */
class LargeSizesTest {
    /** The largest pieces twice, smaller ones, and a rest. */
    private static final int ELEMENTS = 2 * 65536 + 4096 + 64 + 37;

    private static final int ROWS = 2 * 256 + 64 + 7;

    private static CpuEngine engine;
    private static final ReferenceEngine ORACLE = new ReferenceEngine();

    @BeforeAll
    static void open() {
        OneDnnPresence.assume();
        engine = new CpuEngine();
    }

    @AfterAll
    static void close() {
        if (engine != null) {
            engine.close();
        }
    }

    /** A program over one engine: each call makes the same numbers. */
    private static final class Run {
        private final TensorEngine engine;
        private final Random random = new Random(5);

        Run(TensorEngine engine) {
            this.engine = engine;
        }

        Storage normal(long n) {
            return of(random.doubles(n).map(u -> (float) (4 * u - 2)).toArray());
        }

        Storage positive(long n) {
            return of(random.doubles(n).map(u -> (float) (0.5 + u)).toArray());
        }

        Storage of(double... values) {
            Storage s = engine.allocate(values.length, engine.dtype());
            engine.write(values, 0, values.length, s);
            return s;
        }

        Storage out(long n) {
            Storage s = engine.allocate(n, engine.dtype());
            engine.fill(s, Double.NaN);
            return s;
        }

        int[] labels(int n, int end) {
            return random.ints(n, 0, end).toArray();
        }
    }

    private interface Program {
        /** Runs kernels and says what came out. */
        Storage[] on(Run run);
    }

    /** @param tolerance of the largest error in each output, as a multiple of the largest expected element */
    private static void compare(double tolerance, Program program) {
        Storage[] actual = program.on(new Run(engine));
        Storage[] expected = program.on(new Run(ORACLE));
        for (int i = 0; i < actual.length; i++) {
            double[] a = read(engine, actual[i]);
            double[] e = read(ORACLE, expected[i]);
            double scale = Arrays.stream(e).map(Math::abs).max().orElse(1);
            double worst = 0;
            for (int j = 0; j < e.length; j++) {
                worst = Math.max(worst, Math.abs(a[j] - e[j])); // NaN stays
            }
            assertThat(worst).as("error of output %d", i).isLessThanOrEqualTo(tolerance * scale);
        }
    }

    private static double[] read(TensorEngine e, Storage s) {
        double[] values = new double[(int) s.size()];
        e.read(s, values, 0, values.length);
        return values;
    }

    @ParameterizedTest
    @EnumSource
    void functions(Unary op) {
        compare(1e-6, run -> {
            Storage x = run.positive(ELEMENTS);
            Storage y = run.out(ELEMENTS);
            Storage dx = run.normal(ELEMENTS);
            run.engine.unary(op, x, y);
            run.engine.unaryGrad(op, x, dx, dx);
            return new Storage[] {y, dx};
        });
    }

    @ParameterizedTest
    @EnumSource
    void operationsOfTwoOperands(Binary op) {
        int[] dense = {384, 1};
        int[][] strides = {dense, {0, 1}, {1, 0}, {0, 0}};
        for (int[] a : strides) {
            for (int[] b : strides) {
                compare(1e-6, run -> {
                    Storage out = run.out(ROWS * 384);
                    int[] dims = {ROWS, 384};
                    Storage x = run.normal(ROWS * 384);
                    run.engine.binary(op, x, a, run.positive(ROWS * 384), b, dims, out);
                    return new Storage[] {out};
                });
            }
        }
    }

    @Test
    void operationsBroadcastOverFourAxesAndLongRows() {
        compare(1e-6, run -> {
            Storage out = run.out(2 * 3 * 5 * 5000);
            run.engine.binary(
                    Binary.SUB,
                    run.normal(2 * 5 * 5000),
                    new int[] {25000, 0, 5000, 1},
                    run.normal(3 * 5000),
                    new int[] {0, 5000, 0, 1},
                    new int[] {2, 3, 5, 5000},
                    out);
            return new Storage[] {out};
        });
    }

    @Test
    void scalingAndAdding() {
        compare(1e-6, run -> {
            Storage x = run.normal(ELEMENTS);
            Storage y = run.normal(ELEMENTS);
            Storage z = run.normal(ELEMENTS);
            run.engine.affine(x, -1.25, 0.5, x);
            run.engine.accumulate(0.3, x, y);
            run.engine.accumulate(1, y, z);
            return new Storage[] {x, y, z};
        });
    }

    @ParameterizedTest
    @CsvSource({"1, 583, 384", "3, 5000, 2", "583, 384, 1", "2, 9001, 1", "1, 200000, 1", "4, 4096, 1"})
    void sums(int outer, int n, int inner) {
        compare(1e-5, run -> {
            Storage out = run.out(outer * inner);
            run.engine.sum(run.normal((long) outer * n * inner), outer, n, inner, out);
            return new Storage[] {out};
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 26, 384, 3000})
    void softmaxes(int columns) {
        compare(2e-6, run -> {
            int n = ROWS * columns;
            Storage x = run.normal(n);
            Storage y = run.out(n);
            Storage l = run.out(n);
            Storage dy = run.normal(n);
            Storage dl = run.normal(n);
            run.engine.softmax(x, ROWS, columns, y);
            run.engine.softmaxGrad(y, dy, ROWS, columns, dy);
            run.engine.logSoftmax(x, ROWS, columns, l);
            run.engine.logSoftmaxGrad(l, dl, ROWS, columns, dl);
            return new Storage[] {y, dy, l, dl};
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {32, 384, 3000})
    void layerNorms(int columns) {
        compare(5e-6, run -> {
            int n = ROWS * columns;
            Storage x = run.normal(n);
            Storage gamma = run.positive(columns);
            Storage beta = run.normal(columns);
            Storage y = run.out(n);
            Storage mean = run.out(ROWS);
            Storage rstd = run.out(ROWS);
            Storage dy = run.normal(n);
            Storage dx = run.out(n);
            Storage dgamma = run.out(columns);
            Storage dbeta = run.out(columns);
            run.engine.layerNorm(x, gamma, beta, ROWS, columns, 1e-5, y, mean, rstd);
            run.engine.layerNormGrad(x, gamma, mean, rstd, dy, ROWS, columns, dx, dgamma, dbeta);
            return new Storage[] {y, mean, rstd, dx, dgamma, dbeta};
        });
    }

    /** Variances far below epsilon, as oneDNN would have to recover them from the kept statistic. */
    @Test
    void layerNormOfNearlyConstantRows() {
        compare(1e-5, run -> {
            int n = 64 * 64;
            Storage x = run.normal(n);
            Storage one = run.of(new double[64]);
            run.engine.affine(x, 1e-4, 0, x);
            run.engine.affine(one, 0, 1, one);
            Storage y = run.out(n);
            Storage mean = run.out(64);
            Storage rstd = run.out(64);
            Storage dx = run.out(n);
            run.engine.layerNorm(x, one, run.of(new double[64]), 64, 64, 1e-5, y, mean, rstd);
            run.engine.layerNormGrad(x, one, mean, rstd, run.normal(n), 64, 64, dx, null, null);
            return new Storage[] {y, rstd, dx};
        });
    }

    @ParameterizedTest
    @CsvSource({"300, 384, 64", "7, 1000, 384", "1, 384, 1536", "129, 1, 300", "40, 1600, 384"})
    void products(int m, int n, int k) {
        compare(2e-6, run -> {
            Storage y = run.out(m * n);
            run.engine.linear(run.normal(m * k), run.normal(n * k), run.normal(n), m, k, n, y);
            Storage z = run.normal(m * n);
            Matmul form = new Matmul(1, m, n, k, true, false, false, 0.5, 1);
            run.engine.matmul(form, run.normal(m * k), run.normal(n * k), z);
            Storage sum = run.normal(m * n);
            Matmul plain = new Matmul(1, m, n, k, false, false, false, 0.5, 1);
            run.engine.matmul(plain, run.normal(m * k), run.normal(n * k), sum);
            return new Storage[] {y, z, sum};
        });
    }

    private static AttentionLayout[] layouts() {
        int[] ragged = {0, 15, 143, 144, 444, 460};
        int[] fewer = {0, 1, 3, 4, 7, 40};
        return new AttentionLayout[] {
            AttentionLayout.self(ragged, 12, 32, false),
            AttentionLayout.self(ragged, 12, 32, true),
            new AttentionLayout(ragged, ragged, 12, 4, 32, 0.2, true),
            new AttentionLayout(fewer, ragged, 12, 12, 32, 0.2, false),
            new AttentionLayout(ragged, fewer, 12, 3, 32, 0.2, false)
        };
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3, 4})
    void attention(int layoutIndex) {
        AttentionLayout layout = layouts()[layoutIndex];
        compare(5e-6, run -> {
            int queries = layout.queryOffsets()[5] * layout.heads() * layout.headSize();
            int keys = layout.keyOffsets()[5] * layout.keyHeads() * layout.headSize();
            Storage q = run.normal(queries);
            Storage k = run.normal(keys);
            Storage v = run.normal(keys);
            Storage out = run.out(queries);
            Storage p = run.out(layout.probabilities());
            Storage dq = run.out(queries);
            Storage dk = run.out(keys);
            Storage dv = run.out(keys);
            run.engine.attention(layout, q, k, v, out, p);
            run.engine.attentionGrad(layout, q, k, v, p, run.normal(queries), dq, dk, dv);
            return new Storage[] {out, dq, dk, dv};
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 26, 5000})
    void crossEntropies(int classes) {
        compare(2e-6, run -> {
            int rows = 77;
            Storage logits = run.normal(rows * classes);
            int[] labels = run.labels(rows, classes);
            labels[3] = -100;
            run.engine.affine(logits, 64, 0, logits); // exact, and some labels' probabilities underflow
            Storage losses = run.out(rows);
            Storage p = run.out(rows * classes);
            Storage dlogits = run.out(rows * classes);
            run.engine.crossEntropy(logits, rows, classes, labels, losses, p);
            run.engine.crossEntropyGrad(p, rows, classes, labels, run.normal(rows), dlogits);
            return new Storage[] {losses, p, dlogits};
        });
    }

    @Test
    void movements() {
        compare(0, run -> {
            Storage x = run.normal(100 * 70 * 33);
            Storage a = run.out(x.size());
            Storage b = run.out(x.size());
            Storage c = run.out(x.size());
            run.engine.permute(x, new int[] {100, 70, 33}, new int[] {2, 0, 1}, a);
            run.engine.permute(x, new int[] {100, 70, 33}, new int[] {1, 0, 2}, b);
            run.engine.permute(x, new int[] {100, 70, 33}, new int[] {0, 2, 1}, c);
            Storage gathered = run.out(500 * 33);
            run.engine.gatherRows(x, 33, run.labels(500, 7000), gathered);
            return new Storage[] {a, b, c, gathered};
        });
    }

    @Test
    void scatteringLongRows() {
        compare(1e-6, run -> {
            Storage out = run.normal(10 * 5000);
            run.engine.scatterAddRows(run.normal(40 * 5000), 5000, run.labels(40, 10), out);
            return new Storage[] {out};
        });
    }

    @Test
    void theOptimiserAndTheNorm() {
        compare(1e-6, run -> {
            Storage p = run.normal(ELEMENTS);
            Storage g = run.normal(ELEMENTS);
            Storage m = run.of(new double[ELEMENTS]);
            Storage v = run.of(new double[ELEMENTS]);
            for (int t = 1; t <= 3; t++) {
                run.engine.adam(new AdamStep(1e-2, 0.9, 0.999, 1e-8, 0.1, t), p, g, m, v);
            }
            return new Storage[] {p, m, v, run.of(run.engine.sumOfSquares(g))};
        });
    }
}
