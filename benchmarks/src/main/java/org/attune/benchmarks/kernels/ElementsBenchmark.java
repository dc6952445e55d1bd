package org.attune.benchmarks.kernels;

import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.Unary;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;

/** Activations of a feed-forward layer over 512 tokens, 1536 wide. */
public class ElementsBenchmark extends EngineState {
    private static final long SIZE = 512L * 1536;

    private Storage x;
    private Storage up;
    private Storage y;
    private Storage dx;
    private Storage dup;

    @Setup
    public void open() {
        x = random(SIZE);
        up = random(SIZE);
        y = random(SIZE);
        dx = random(SIZE);
        dup = random(SIZE);
    }

    @Benchmark
    public void gelu() {
        engine().unary(Unary.GELU, x, y);
    }

    @Benchmark
    public void geluGradient() {
        engine().unaryGrad(Unary.GELU, x, y, dx);
    }

    @Benchmark
    public void gated() {
        engine().gated(Unary.SILU, x, up, y);
    }

    @Benchmark
    public void gatedGradient() {
        engine().gatedGrad(Unary.SILU, x, up, y, dx, dup);
    }
}
