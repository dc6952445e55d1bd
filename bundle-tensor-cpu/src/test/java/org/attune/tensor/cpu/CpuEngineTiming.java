package org.attune.tensor.cpu;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.DoubleAdder;
import org.attune.tensor.engine.AdamStep;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.Binary;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.Unary;

/** Prints how fast kernels run on one thread and on two at once; run by hand. Figures are totals over the threads. */
final class CpuEngineTiming {
    private static final int HIDDEN = 384;
    private static final int HEADS = 12;
    private static final int TOKENS = 512;

    private final CpuEngine engine = new CpuEngine();

    private CpuEngineTiming() {}

    /** @param amount GFLOP or GB of one call */
    private record Work(String name, String unit, double amount, Runnable call) {}

    public static void main(String[] args) throws InterruptedException {
        new CpuEngineTiming().run();
    }

    private void run() throws InterruptedException {
        System.out.printf("%-34s %10s %14s %14s%n", "kernel", "us a call", "one thread", "two threads");
        List<Work> first = works();
        List<Work> second = works();
        for (int i = 0; i < first.size(); i++) {
            Work work = first.get(i);
            double alone = callsPerSecond(List.of(work));
            double together = callsPerSecond(List.of(work, second.get(i)));
            System.out.printf(
                    "%-34s %10.2f %8.1f %-5s %8.1f %-5s%n",
                    work.name, 1e6 / alone, alone * work.amount, work.unit, together * work.amount, work.unit);
        }
        engine.close();
    }

    /** By the threads' processor time, so that other programs on the machine disturb less. */
    private static double callsPerSecond(List<Work> works) throws InterruptedException {
        double best = 0;
        for (int i = 0; i < 5; i++) {
            DoubleAdder rate = new DoubleAdder();
            CountDownLatch done = new CountDownLatch(works.size());
            for (Work work : works) {
                new Thread(() -> {
                            rate.add(callsPerSecond(work.call));
                            done.countDown();
                        })
                        .start();
            }
            done.await();
            best = Math.max(best, rate.sum());
        }
        return best;
    }

    private static double callsPerSecond(Runnable call) {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        long n = 0;
        long start = threads.getCurrentThreadCpuTime();
        long now = start;
        while (now - start < 100_000_000) {
            for (int i = 0; i < 20; i++) {
                call.run();
            }
            n += 20;
            now = threads.getCurrentThreadCpuTime();
        }
        return n / ((now - start) / 1e9);
    }

    private List<Work> works() {
        List<Work> works = new ArrayList<>();
        linear(works, 512, HIDDEN, 1536);
        linear(works, 4096, HIDDEN, 1536);
        linear(works, 60, HIDDEN, 1536);
        linear(works, 512, HIDDEN, 8);
        attention(works, 16, false);
        attention(works, 128, false);
        attention(works, 128, true);
        rows(works);
        elements(works, TOKENS * 1536);
        elements(works, 64);
        return works;
    }

    private Storage random(long n) {
        Storage s = engine.allocate(n, engine.dtype());
        Random random = new Random(1);
        float[] values = new float[(int) n];
        for (int i = 0; i < n; i++) {
            values[i] = random.nextFloat() - 0.5f;
        }
        engine.write(values, 0, values.length, s);
        return s;
    }

    private void linear(List<Work> works, int rows, int in, int out) {
        Storage x = random((long) rows * in);
        Storage w = random((long) in * out);
        Storage b = random(out);
        Storage y = random((long) rows * out);
        double flop = 2e-9 * rows * in * out;
        String size = rows + "x" + in + "x" + out;
        works.add(new Work("linear " + size, "GF/s", flop, () -> engine.linear(x, w, b, rows, in, out, y)));
    }

    private void attention(List<Work> works, int length, boolean causal) {
        int[] offsets = new int[TOKENS / length + 1];
        for (int i = 0; i < offsets.length; i++) {
            offsets[i] = i * length;
        }
        AttentionLayout layout = AttentionLayout.self(offsets, HEADS, HIDDEN / HEADS, causal);
        Storage q = random(TOKENS * HIDDEN);
        Storage k = random(TOKENS * HIDDEN);
        Storage v = random(TOKENS * HIDDEN);
        Storage out = random(TOKENS * HIDDEN);
        Storage p = random(layout.probabilities());
        Storage dq = random(TOKENS * HIDDEN);
        Storage dk = random(TOKENS * HIDDEN);
        Storage dv = random(TOKENS * HIDDEN);
        double flop = 4e-9 * TOKENS * length * HIDDEN;
        String name = (causal ? "causal " : "") + "attention " + TOKENS / length + "x" + length;
        works.add(new Work(name, "GF/s", flop, () -> engine.attention(layout, q, k, v, out, p)));
        works.add(new Work(
                name + " backward", "GF/s", 2 * flop, () -> engine.attentionGrad(layout, q, k, v, p, out, dq, dk, dv)));
    }

    private void rows(List<Work> works) {
        int n = TOKENS * HIDDEN;
        Storage x = random(n);
        Storage y = random(n);
        Storage dx = random(n);
        Storage g = random(HIDDEN);
        Storage b = random(HIDDEN);
        Storage mean = random(TOKENS);
        Storage rstd = random(TOKENS);
        double gb = 4e-9 * n;
        String size = " " + TOKENS + "x" + HIDDEN;
        works.add(new Work(
                "layerNorm" + size,
                "GB/s",
                2 * gb,
                () -> engine.layerNorm(x, g, b, TOKENS, HIDDEN, 1e-12, y, mean, rstd)));
        works.add(new Work(
                "layerNorm dx" + size,
                "GB/s",
                3 * gb,
                () -> engine.layerNormGrad(x, g, mean, rstd, y, TOKENS, HIDDEN, dx, null, null)));
        works.add(new Work(
                "layerNorm dgamma, dbeta" + size,
                "GB/s",
                2 * gb,
                () -> engine.layerNormGrad(x, g, mean, rstd, y, TOKENS, HIDDEN, null, g, b)));
        works.add(new Work("softmax" + size, "GB/s", 2 * gb, () -> engine.softmax(x, TOKENS, HIDDEN, y)));
        works.add(new Work("column sums" + size, "GB/s", gb, () -> engine.sum(x, 1, TOKENS, HIDDEN, b)));
        works.add(new Work("row sums" + size, "GB/s", gb, () -> engine.sum(x, TOKENS, HIDDEN, 1, mean)));
        works.add(new Work("total sum" + size, "GB/s", gb, () -> engine.sum(x, 1, n, 1, mean)));
        int[] dims = {TOKENS, HIDDEN};
        int[] dense = {HIDDEN, 1};
        works.add(new Work(
                "add a row" + size,
                "GB/s",
                2 * gb,
                () -> engine.binary(Binary.ADD, x, dense, b, new int[] {0, 1}, dims, y)));
        works.add(new Work(
                "multiply by a column" + size,
                "GB/s",
                2 * gb,
                () -> engine.binary(Binary.MUL, x, dense, mean, new int[] {1, 0}, dims, y)));
        works.add(new Work("transpose" + size, "GB/s", 2 * gb, () -> engine.permute(x, dims, new int[] {1, 0}, y)));
        int[] ids = new Random(3).ints(TOKENS, 0, TOKENS).toArray();
        works.add(new Work("gather" + size, "GB/s", 2 * gb, () -> engine.gatherRows(x, HIDDEN, ids, y)));
        works.add(new Work("scatter" + size, "GB/s", 3 * gb, () -> engine.scatterAddRows(x, HIDDEN, ids, y)));
    }

    private void elements(List<Work> works, int n) {
        Storage x = random(n);
        Storage y = random(n);
        Storage z = random(n);
        Storage m = engine.allocate(n, engine.dtype());
        Storage v = engine.allocate(n, engine.dtype());
        double gb = 4e-9 * n;
        String size = " " + n;
        int[] dims = {n};
        int[] one = {1};
        works.add(new Work("add" + size, "GB/s", 3 * gb, () -> engine.binary(Binary.ADD, x, one, y, one, dims, z)));
        works.add(new Work("gelu" + size, "GB/s", 2 * gb, () -> engine.unary(Unary.GELU, x, z)));
        works.add(new Work("gelu backward" + size, "GB/s", 3 * gb, () -> engine.unaryGrad(Unary.GELU, x, y, z)));
        works.add(new Work("affine" + size, "GB/s", 2 * gb, () -> engine.affine(x, 0.5, 1, z)));
        works.add(new Work("accumulate" + size, "GB/s", 3 * gb, () -> engine.accumulate(1e-9, x, y)));
        works.add(new Work("copy" + size, "GB/s", 2 * gb, () -> engine.copy(x, z)));
        works.add(new Work("sum of squares" + size, "GB/s", gb, () -> engine.sumOfSquares(x)));
        AdamStep step = new AdamStep(1e-9, 0.9, 0.999, 1e-8, 0.01, 10);
        works.add(new Work("adam" + size, "GB/s", 7 * gb, () -> engine.adam(step, z, x, m, v)));
        works.add(new Work("log" + size, "GB/s", 2 * gb, () -> engine.unary(Unary.LOG, x, z)));
    }
}
