package org.attune.benchmarks.kernels;

import org.attune.tensor.engine.Matmul;
import org.attune.tensor.engine.Storage;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** A linear layer with its two gradients; shapes are rows, inputs, outputs. The last two are LoRA's. */
public class LinearBenchmark extends EngineState {
    @Param({
        "512x384x384",
        "512x384x1536",
        "512x1536x384",
        "512x576x576",
        "512x576x192",
        "512x576x1536",
        "512x1536x576",
        "128x576x49152",
        "512x384x8",
        "512x8x384"
    })
    String shape;

    private int rows;
    private int in;
    private int out;
    private Storage x;
    private Storage w;
    private Storage bias;
    private Storage y;
    private Matmul toInput;
    private Matmul toWeight;

    @Setup
    public void open() {
        String[] extents = shape.split("x", 3);
        rows = Integer.parseInt(extents[0]);
        in = Integer.parseInt(extents[1]);
        out = Integer.parseInt(extents[2]);
        x = random((long) rows * in);
        w = random((long) out * in);
        bias = random(out);
        y = random((long) rows * out);
        toInput = Matmul.of(rows, in, out, false, false);
        toWeight = Matmul.of(out, in, rows, true, false);
    }

    @Benchmark
    public void forward() {
        engine().linear(x, w, bias, rows, in, out, y);
    }

    /** {@code dx = dy w}. */
    @Benchmark
    public void inputGradient() {
        engine().matmul(toInput, y, w, x);
    }

    /** {@code dw = dy^T x}. */
    @Benchmark
    public void weightGradient() {
        engine().matmul(toWeight, y, x, w);
    }
}
