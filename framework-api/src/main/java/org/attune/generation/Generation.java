package org.attune.generation;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.attune.model.Weights;
import org.attune.tensor.DType;
import org.osgi.annotation.versioning.ProviderType;

/** Opens models for generation; a service of the kernel. Thread-safe. */
@ProviderType
public interface Generation {
    /**
     * A model, ready to generate; the caller closes it.
     *
     * @throws org.attune.plugin.UserError if the model or the adapter cannot be read, or the model is none that generates
     */
    Generator open(Source source);

    /**
     * What to generate with.
     *
     * @param model as a spec names it: a folder, a file, {@code maven:…}; empty for the one that {@code trained} was trained on
     * @param trained a run folder, or a folder with an adapter in PEFT's layout; empty for the model as it is
     * @param base the folder that a relative model starts from
     * @param engine name of a tensor engine; empty for the fastest
     * @param precision of matrices and activations; empty for the engine's own type
     * @param weights how the model's matrices are held; empty for quantised as in the run, or else decoded
     * @param threads how many threads compute, from 1
     * @param adapters which of the trained adapters act, by name, where that is to be otherwise than in the run
     */
    record Source(
            Optional<String> model,
            Optional<Path> trained,
            Path base,
            String engine,
            Optional<DType> precision,
            Optional<Weights> weights,
            int threads,
            Map<String, Boolean> adapters) {}
}
