package org.attune.benchmarks.kernels;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.attune.benchmarks.BenchmarkEngines;
import org.attune.tensor.DType;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** An engine and operands on it. A kernel runs on one thread; what one call takes is measured, in microseconds. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public abstract class EngineState {
    @Param("cpu")
    String engine;

    /** {@code widest} is what parameters and losses have: float32 on cpu, float64 on reference. */
    @Param("widest")
    String dtype;

    private TensorEngine kernels;
    private final List<Storage> storages = new ArrayList<>();

    TensorEngine engine() {
        if (kernels == null) {
            kernels = BenchmarkEngines.open(engine);
        }
        return kernels;
    }

    DType type() {
        DType type = dtype.equals("widest") ? engine().dtype() : DType.valueOf(dtype.toUpperCase(Locale.ROOT));
        if (!engine().dtypes().contains(type)) {
            throw new IllegalArgumentException("engine " + engine + " has " + engine().dtypes() + ", not " + type);
        }
        return type;
    }

    /** Random numbers in [-1, 1) of the type that is measured. */
    Storage random(long size) {
        return random(size, type());
    }

    /** Random numbers of the type that parameters and statistics have. */
    Storage wide(long size) {
        return random(size, engine().dtype());
    }

    private Storage random(long size, DType type) {
        SplittableRandom random = new SplittableRandom(size);
        float[] values = new float[Math.toIntExact(size)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextDouble(-1, 1);
        }
        Storage storage = engine().allocate(size, type);
        engine().write(values, 0, values.length, storage);
        storages.add(storage);
        return storage;
    }

    @TearDown(Level.Trial)
    public void close() {
        storages.forEach(Storage::close);
    }
}
