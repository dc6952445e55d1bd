package org.attune.kernel.optim;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * Dynamic loss scaling (Micikevicius et al. 2018, arXiv 1710.03740): in float16 small gradients vanish and large ones overflow, so
 * the loss is multiplied by a scale before the backward pass and the gradients divided by it afterwards. The scale is sought as
 * PyTorch's {@code torch.amp.GradScaler} does by default: it begins at 2^16, is halved whenever a gradient is not finite, that
 * step being skipped, and doubled after 2000 steps without.
 */
public final class LossScaling {
    private static final double FIRST = 65536;
    private static final double FACTOR = 2;
    private static final int INTERVAL = 2000;

    private double scale = FIRST;
    private int steps;
    private long skipped;

    /** What the loss of the next step is multiplied by; a power of 2, so that dividing loses nothing. */
    public double scale() {
        return scale;
    }

    /** Steps that were skipped, over all sittings. */
    public long skipped() {
        return skipped;
    }

    /** A step's gradients were finite. */
    public void succeeded() {
        steps++;
        if (steps == INTERVAL) {
            scale *= FACTOR;
            steps = 0;
        }
    }

    /**
     * A step's gradients were not finite.
     *
     * @return false where that is not the scale's fault any more: it is below 1
     */
    public boolean overflowed() {
        scale /= FACTOR;
        steps = 0;
        skipped++;
        return scale >= 1;
    }

    /** What a resumed run needs. */
    public ObjectNode state() {
        return JsonNodeFactory.instance
                .objectNode()
                .put("scale", scale)
                .put("steps", steps)
                .put("skipped", skipped);
    }

    public void restore(ObjectNode state) {
        scale = state.path("scale").asDouble(FIRST);
        steps = state.path("steps").asInt();
        skipped = state.path("skipped").asLong();
    }
}
