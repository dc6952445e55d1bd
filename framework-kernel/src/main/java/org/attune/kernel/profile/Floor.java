package org.attune.kernel.profile;

import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.IntConsumer;
import org.attune.kernel.step.Workers;
import org.attune.tensor.DType;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;

/**
 * How fast this machine is at most, as an engine reaches it: what a profile is compared with. Medians of some tries, as steps are
 * compared by their medians: the best try of a noisy machine is one that no longer work has.
 *
 * @param flops a second by element type, on all threads together
 * @param bytes read from memory a second, on all threads together
 * @param threads that were used
 */
public record Floor(Map<DType, Double> flops, double bytes, int threads) {
    /** A large product of a small encoder's feed-forward layer: {@code [4096, 384] x [384, 1536]}. */
    public static final int ROWS = 4096;

    public static final int IN = 384;
    public static final int OUT = 1536;

    private static final int FEWEST_ROWS = 16;
    private static final int TRIES = 9;
    /** A slow engine gets fewer rows, so that a try takes no longer than about this. */
    private static final double TRY_SECONDS = 0.05;
    /** 64 MB a thread: more than its share of any cache. */
    private static final int LONGS = 1 << 23;

    public Floor {
        flops = Collections.unmodifiableMap(flops);
    }

    /** Measures, in some tenths of a second. */
    public static Floor measure(TensorEngine engine, Workers workers) {
        Map<DType, Double> flops = new EnumMap<>(DType.class);
        for (DType type : engine.dtypes()) {
            flops.put(type, product(engine, type, workers));
        }
        return new Floor(flops, read(workers), workers.count());
    }

    private static double product(TensorEngine engine, DType type, Workers workers) {
        int most = Math.max(FEWEST_ROWS, ROWS / workers.count());
        int rows = FEWEST_ROWS;
        double[] rates = new double[TRIES];
        for (int tried = 0; tried < TRIES; ) {
            double seconds = seconds(workers, new Product(engine, type, rows, workers.count()));
            if (rows < most && seconds < TRY_SECONDS) {
                rows = Math.min(most, 2 * rows);
            } else {
                rates[tried++] = 2.0 * workers.count() * rows * IN * OUT / seconds;
            }
        }
        return median(rates);
    }

    private static double median(double[] values) {
        Arrays.sort(values);
        return values[values.length / 2];
    }

    /** One product a worker, over operands of its own. */
    private static final class Product implements IntConsumer, AutoCloseable {
        private final TensorEngine engine;
        private final int rows;
        private final Storage[][] operands;

        Product(TensorEngine engine, DType type, int rows, int workers) {
            this.engine = engine;
            this.rows = rows;
            operands = new Storage[workers][];
            for (int w = 0; w < workers; w++) {
                operands[w] = new Storage[] {
                    engine.allocate((long) rows * IN, type),
                    engine.allocate((long) OUT * IN, type),
                    engine.allocate((long) rows * OUT, type)
                };
                engine.fill(operands[w][0], 0.5);
                engine.fill(operands[w][1], 0.25);
            }
        }

        @Override
        public void accept(int w) {
            Storage[] s = operands[w];
            engine.linear(s[0], s[1], null, rows, IN, OUT, s[2]);
        }

        @Override
        public void close() {
            for (Storage[] each : operands) {
                for (Storage s : each) {
                    s.close();
                }
            }
        }
    }

    private static double seconds(Workers workers, Product product) {
        try (product) {
            workers.run(product::accept); // builds what the engine builds once for a shape
            return time(workers, product);
        }
    }

    private static double time(Workers workers, IntConsumer work) {
        long began = System.nanoTime();
        workers.run(work::accept);
        return (System.nanoTime() - began) / 1e9;
    }

    private static double read(Workers workers) {
        long[][] numbers = new long[workers.count()][];
        long[] sums = new long[workers.count()];
        workers.run(w -> numbers[w] = new long[LONGS]);
        double[] rates = new double[TRIES];
        for (int i = 0; i < TRIES; i++) {
            double seconds = time(workers, w -> sums[w] += sum(numbers[w]));
            rates[i] = (double) workers.count() * LONGS * Long.BYTES / seconds;
        }
        if (Arrays.stream(sums).sum() != 0) {
            throw new IllegalStateException(
                    "zeros do not sum to zero"); // also keeps the sums from being optimised away
        }
        return median(rates);
    }

    private static long sum(long[] numbers) {
        long a = 0;
        long b = 0;
        long c = 0;
        long d = 0;
        for (int i = 0; i < numbers.length; i += 4) {
            a += numbers[i];
            b += numbers[i + 1];
            c += numbers[i + 2];
            d += numbers[i + 3];
        }
        return a + b + c + d;
    }

    /** The least time that one of the threads needs for products of so many operations over operands of so many bytes. */
    double seconds(DType type, long operations, long operandBytes) {
        double compute = operations == 0 ? 0 : operations / flops.get(type);
        return threads * Math.max(compute, operandBytes / bytes);
    }
}
