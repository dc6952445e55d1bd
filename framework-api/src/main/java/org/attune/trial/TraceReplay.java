package org.attune.trial;

import java.nio.file.Path;
import org.osgi.annotation.versioning.ProviderType;

/**
 * Replays a recorded training run of a reference implementation and compares each number; a service of the kernel. A trace
 * folder has {@code trace.json}, {@code batches.safetensors}, {@code probe.safetensors}, and {@code adapter_init/} with
 * {@code adapter_final/} or {@code final.safetensors}; its model lies in {@code models/NAME} two levels up.
 */
@ProviderType
public interface TraceReplay {
    /** The largest relative difference allowed in a step's loss. */
    double LOSS_TOLERANCE = 2e-5;
    /** The largest relative difference allowed in a step's gradient norm. */
    double GRADIENT_TOLERANCE = 1e-3;
    /** The largest relative difference allowed in final weights and logits. */
    double WEIGHT_TOLERANCE = 1e-3;

    /**
     * @param engine name of the tensor engine
     * @throws org.attune.plugin.UserError if the folder is not a trace
     * @throws UnknownMethod if no plug-in knows the method
     */
    Outcome replay(Path folder, String engine);

    /**
     * The worst relative error of each kind. Losses and norms are relative to the reference value; weights and logits to the
     * largest reference value of the tensor.
     *
     * @param frozen how what a method froze differs from the reference, at the first step where it does; empty for nothing
     */
    record Outcome(
            String trace,
            String engine,
            int steps,
            double loss,
            double gradientNorm,
            double weights,
            double logits,
            String frozen) {
        /** Whether all are within tolerance; NaN is not. */
        public boolean passed() {
            return loss <= LOSS_TOLERANCE
                    && gradientNorm <= GRADIENT_TOLERANCE
                    && weights <= WEIGHT_TOLERANCE
                    && logits <= WEIGHT_TOLERANCE
                    && frozen.isEmpty();
        }
    }

    /** No plug-in knows the method of a trace. */
    class UnknownMethod extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final String method;

        public UnknownMethod(String method, String why) {
            super(why);
            this.method = method;
        }

        public String method() {
            return method;
        }
    }
}
