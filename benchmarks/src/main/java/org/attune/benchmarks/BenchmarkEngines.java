package org.attune.benchmarks;

import org.attune.tensor.cpu.CpuEngine;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;

/** Engines by name, outside of a framework. */
public final class BenchmarkEngines {
    private static final String ND4J = "org.attune.tensor.nd4j.NativeEngine";

    private BenchmarkEngines() {}

    /** @throws IllegalArgumentException if there is no such engine on the class path */
    public static TensorEngine open(String name) {
        return switch (name) {
            case "cpu" -> new CpuEngine();
            case "reference" -> new ReferenceEngine();
            case "nd4j" -> nd4j();
            default -> throw new IllegalArgumentException("no engine '" + name + "'; there are cpu, nd4j, reference");
        };
    }

    /** Not a dependency: its libraries are ten times the size of all others. */
    private static TensorEngine nd4j() {
        try {
            return Class.forName(ND4J)
                    .asSubclass(TensorEngine.class)
                    .getDeclaredConstructor()
                    .newInstance();
        } catch (ReflectiveOperationException e) {
            throw new IllegalArgumentException("the engine nd4j is not on the class path; see benchmarks/README.md", e);
        }
    }
}
