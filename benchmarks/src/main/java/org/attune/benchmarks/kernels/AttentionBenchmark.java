package org.attune.benchmarks.kernels;

import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.Storage;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Attention over 512 tokens in sequences of one length: MiniLM's 12 heads of 32, SmolLM2's 9 causal of 64 over 3 key heads. */
public class AttentionBenchmark extends EngineState {
    private static final int TOKENS = 512;

    @Param({"16", "64", "128", "256"})
    int length;

    @Param({"minilm", "smollm2"})
    String model;

    private AttentionLayout layout;
    private Storage q;
    private Storage k;
    private Storage v;
    private Storage out;
    private Storage probabilities;
    private Storage dq;
    private Storage dk;
    private Storage dv;

    @Setup
    public void open() {
        int[] offsets = new int[TOKENS / length + 1];
        for (int i = 0; i < offsets.length; i++) {
            offsets[i] = i * length;
        }
        layout = model.equals("minilm")
                ? AttentionLayout.self(offsets, 12, 32, false)
                : new AttentionLayout(offsets, offsets, 9, 3, 64, 1 / Math.sqrt(64), true);
        long queries = (long) TOKENS * layout.heads() * layout.headSize();
        long keys = (long) TOKENS * layout.keyHeads() * layout.headSize();
        q = random(queries);
        k = random(keys);
        v = random(keys);
        out = random(queries);
        probabilities = random(layout.probabilities());
        dq = random(queries);
        dk = random(keys);
        dv = random(keys);
        forward(); // the gradient wants true probabilities
    }

    @Benchmark
    public void forward() {
        engine().attention(layout, q, k, v, out, probabilities);
    }

    @Benchmark
    public void gradient() {
        engine().attentionGrad(layout, q, k, v, probabilities, out, dq, dk, dv);
    }
}
