package org.attune.tensor;

import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Gradient accumulators of trainable tensors, in persistent memory. Each worker has its own; they are added
 * up in a fixed order at the end of a step. Not thread-safe.
 */
public final class Gradients implements Leaves, AutoCloseable {
    private final IdentityHashMap<Tensor, Tensor> sums = new IdentityHashMap<>();

    /** Zero gradients for {@code parameters}. */
    public Gradients(Collection<Tensor> parameters) {
        cover(parameters);
    }

    /** Changes the set: gradients of others are freed, those of new ones are zero. */
    public void cover(Collection<Tensor> parameters) {
        Set<Tensor> gone = Collections.newSetFromMap(new IdentityHashMap<>());
        gone.addAll(sums.keySet());
        for (Tensor p : parameters) {
            if (!gone.remove(p)) {
                sums.computeIfAbsent(p, t -> Tensor.zeros(t.engine(), t.shape()));
            }
        }
        gone.forEach(p -> sums.remove(p).close());
    }

    /** The gradient of {@code parameter}, which lives as long as this object. */
    public Tensor of(Tensor parameter) {
        Tensor sum = sums.get(parameter);
        if (sum == null) {
            throw new IllegalArgumentException("not one of the trainable tensors: " + parameter);
        }
        return sum;
    }

    @Override
    public Tensor find(Tensor leaf) {
        return sums.get(leaf);
    }

    /** Adds {@code scale} times another worker's gradients of the same parameters. */
    public void add(double scale, Gradients other) {
        for (Map.Entry<Tensor, Tensor> e : sums.entrySet()) {
            e.getKey()
                    .engine()
                    .accumulate(
                            scale, other.of(e.getKey()).storage(), e.getValue().storage());
        }
    }

    /** Sets all to zero, for the next step. */
    public void zero() {
        for (Tensor sum : sums.values()) {
            sum.engine().fill(sum.storage(), 0);
        }
    }

    @Override
    public void close() {
        sums.values().forEach(Tensor::close);
        sums.clear();
    }
}
