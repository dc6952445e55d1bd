package org.attune.benchmarks.kernels;

import org.attune.tensor.engine.Storage;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;

/** Cross-entropy of 128 tokens over SmolLM2's vocabulary. */
public class CrossEntropyBenchmark extends EngineState {
    private static final int ROWS = 128;
    private static final int CLASSES = 49_152;

    private Storage logits;
    private Storage losses;
    private Storage dlosses;
    private Storage probabilities;
    private int[] labels;

    @Setup
    public void open() {
        logits = random((long) ROWS * CLASSES);
        probabilities = random((long) ROWS * CLASSES);
        losses = wide(ROWS);
        dlosses = wide(ROWS);
        labels = new int[ROWS];
        for (int i = 0; i < ROWS; i++) {
            labels[i] = i * 379 % CLASSES;
        }
    }

    @Benchmark
    public void loss() {
        engine().crossEntropy(logits, ROWS, CLASSES, labels, losses, probabilities);
    }

    @Benchmark
    public void gradient() {
        engine().crossEntropyGrad(probabilities, ROWS, CLASSES, labels, dlosses, logits);
    }
}
