package org.attune.training;

import java.util.List;
import java.util.Map;
import org.attune.plugin.Option;
import org.attune.tensor.Shape;
import org.osgi.annotation.versioning.ConsumerType;

/** Makes one adapter of several saved ones of a method, in PEFT's form on both sides. */
@ConsumerType
public interface Weighting {
    /**
     * The adapter that several make.
     *
     * @param parts at least one; each configuration is one that the method's {@link Adapter.PeftFormat} reads
     * @throws Adapter.UnsupportedMethod if these cannot be combined in this way
     */
    Saved combine(List<Part> parts, Way way);

    /** @param weight any number, negative ones too */
    record Part(Saved adapter, double weight) {}

    /**
     * A saved adapter.
     *
     * @param config the whole of adapter_config.json
     * @param tensors by our parameter names
     */
    record Saved(Map<String, Object> config, Map<String, Values> tensors) {}

    /** @param elements row-major */
    record Values(Shape shape, float[] elements) {}

    /**
     * How adapters are combined.
     *
     * @param density the share of elements that pruning keeps
     * @param rank of what is decomposed; 0 for the largest of the parts
     * @param seed of what is dropped at random
     */
    record Way(
            @Option(value = "how: linear, cat, svd, ties, dare-linear, ...", defaults = "svd")
            Kind type,

            @Option(value = "the share of elements that pruning keeps", defaults = "0.5", min = 0, max = 1)
            double density,

            @Option(value = "which sign an element gets by ties: total or frequency", defaults = "total")
            Sign sign,

            @Option(value = "the rank of what is decomposed; 0 for the largest", defaults = "0", min = 0)
            int rank,

            @Option(value = "of what is dropped at random", defaults = "0")
            long seed) {}

    /**
     * Named as PEFT's {@code combination_type}. Those with {@code svd} combine what the adapters add to a weight and decompose the result;
     * the others, but for {@code cat}, combine each factor by itself.
     */
    enum Kind {
        /** The weighted sum. */
        LINEAR,
        /** The factors side by side, which is the weighted sum of what the adapters add. */
        CAT,
        /** The best approximation of the weighted sum. */
        SVD,
        /** Small elements are pruned, a sign is elected, and those of that sign are averaged (Yadav et al. 2023, arXiv 2306.01708). */
        TIES,
        TIES_SVD,
        /** Elements are dropped at random and the others scaled up (Yu et al. 2023, arXiv 2311.03099), then summed. */
        DARE_LINEAR,
        DARE_LINEAR_SVD,
        /** As above, then as by ties. */
        DARE_TIES,
        DARE_TIES_SVD,
        /** Small elements are pruned, the others summed. */
        MAGNITUDE_PRUNE,
        MAGNITUDE_PRUNE_SVD
    }

    /** What elects a sign. */
    enum Sign {
        /** The sum of the elements. */
        TOTAL,
        /** Their number. */
        FREQUENCY
    }
}
