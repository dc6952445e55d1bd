package org.attune.kernel.plugins;

import java.util.List;
import java.util.Optional;
import org.attune.tensor.engine.TensorEngine;

/** The tensor engines that are there now. Thread-safe. */
public interface Engines {
    Optional<TensorEngine> find(String name);

    /** The fastest first, as the engines' {@code service.ranking} says. */
    List<TensorEngine> list();
}
