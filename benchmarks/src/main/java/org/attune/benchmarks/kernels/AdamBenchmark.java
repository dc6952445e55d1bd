package org.attune.benchmarks.kernels;

import org.attune.tensor.engine.AdamStep;
import org.attune.tensor.engine.Storage;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;

/** AdamW's update of a feed-forward weight; parameters and moments are always of the widest type. */
public class AdamBenchmark extends EngineState {
    private static final long SIZE = 384L * 1536;

    private Storage parameter;
    private Storage gradient;
    private Storage first;
    private Storage second;
    private AdamStep step;

    @Setup
    public void open() {
        parameter = wide(SIZE);
        gradient = wide(SIZE);
        first = wide(SIZE);
        second = wide(SIZE);
        engine().fill(second, 1);
        step = new AdamStep(1e-4, 0.9, 0.999, 1e-8, 0.01, 100);
    }

    @Benchmark
    public void adam() {
        engine().adam(step, parameter, gradient, first, second);
    }
}
