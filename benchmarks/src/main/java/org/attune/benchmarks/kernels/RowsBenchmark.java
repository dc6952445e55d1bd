package org.attune.benchmarks.kernels;

import org.attune.tensor.engine.Storage;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Normalisations, softmax and rotary embedding over 512 rows. */
public class RowsBenchmark extends EngineState {
    private static final int ROWS = 512;
    private static final int HEAD_SIZE = 64;
    private static final double EPS = 1e-5;

    @Param({"384", "576"})
    int columns;

    private Storage x;
    private Storage y;
    private Storage dx;
    private Storage gamma;
    private Storage beta;
    private Storage mean;
    private Storage scale;
    private float[] cos;
    private float[] sin;

    @Setup
    public void open() {
        x = random((long) ROWS * columns);
        y = random((long) ROWS * columns);
        dx = random((long) ROWS * columns);
        gamma = wide(columns);
        beta = wide(columns);
        mean = wide(ROWS);
        scale = wide(ROWS);
        engine().fill(scale, 1);
        cos = new float[ROWS * HEAD_SIZE / 2];
        sin = new float[ROWS * HEAD_SIZE / 2];
        for (int i = 0; i < cos.length; i++) {
            cos[i] = (float) Math.cos(i);
            sin[i] = (float) Math.sin(i);
        }
    }

    @Benchmark
    public void softmax() {
        engine().softmax(x, ROWS, columns, y);
    }

    @Benchmark
    public void softmaxGradient() {
        engine().softmaxGrad(y, x, ROWS, columns, dx);
    }

    @Benchmark
    public void layerNorm() {
        engine().layerNorm(x, gamma, beta, ROWS, columns, EPS, y, mean, scale);
    }

    @Benchmark
    public void layerNormGradient() {
        engine().layerNormGrad(x, gamma, mean, scale, y, ROWS, columns, dx, null, null);
    }

    @Benchmark
    public void rmsNorm() {
        engine().rmsNorm(x, gamma, ROWS, columns, EPS, y, scale);
    }

    @Benchmark
    public void rmsNormGradient() {
        engine().rmsNormGrad(x, gamma, scale, y, ROWS, columns, dx, null);
    }

    @Benchmark
    public void rotary() {
        engine().rotary(x, ROWS, columns / HEAD_SIZE, HEAD_SIZE, cos, sin, false, y);
    }
}
