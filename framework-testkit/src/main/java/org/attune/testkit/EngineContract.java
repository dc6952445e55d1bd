package org.attune.testkit;

import org.attune.tensor.engine.TensorEngine;
import org.junit.jupiter.api.Nested;

/**
 * What a {@link TensorEngine} must do. An engine's test extends this class and says which engine:
 *
 * <pre>{@code
 * class CpuEngineTest extends EngineContract {
 *     private static final TensorEngine ENGINE = new CpuEngine();
 *
 *     @Override
 *     protected TensorEngine engine() {
 *         return ENGINE;
 *     }
 *
 *     @Override
 *     protected TensorEngine oracle() {
 *         return new ReferenceEngine();
 *     }
 * }
 * }</pre>
 *
 * Tolerances follow from {@link TensorEngine#dtype}: see {@link Closeness}. Engines of float64 are also checked against
 * finite differences; the gradients of the others are compared with the oracle's.
 */
public abstract class EngineContract {
    /** The engine under test; may be the same at each call. No other user may hold memory of it while a test runs. */
    protected abstract TensorEngine engine();

    /** The engine that is right: {@code reference}. Another object than {@link #engine}. */
    protected abstract TensorEngine oracle();

    /** Each operation of {@link org.attune.tensor.Tensor}: values, gradients, memory. */
    @Nested
    class Operations extends OperationContract {
        Operations() {
            super(engine(), oracle());
        }
    }

    /** What programs that combine operations rely on. */
    @Nested
    class Autograd extends AutogradContract {
        Autograd() {
            super(engine());
        }
    }

    /** Kernels in the forms that only the layer above and the optimiser use. */
    @Nested
    class Kernels extends KernelContract {
        Kernels() {
            super(engine(), oracle());
        }
    }

    /** Every kernel with operands of each of the engine's types, conversions, and which type a result has. */
    @Nested
    class ElementTypes extends TypesContract {
        ElementTypes() {
            super(engine(), oracle());
        }
    }

    /** Packed sequences: they equal padded ones, and leave one another alone to the last bit. */
    @Nested
    class Packing extends PackingContract {
        Packing() {
            super(engine());
        }
    }

    /** Matrices that stay in blocks. */
    @Nested
    class Blocks extends BlocksContract {
        Blocks() {
            super(engine(), oracle());
        }
    }

    /** Arenas, statistics, use after closing. */
    @Nested
    class Memory extends MemoryContract {
        Memory() {
            super(engine());
        }
    }

    /** The same bits, whatever runs beside. */
    @Nested
    class Repeatability extends RepeatabilityContract {
        Repeatability() {
            super(engine());
        }
    }
}
