package org.attune.training;

import org.attune.plugin.Plugin;
import org.osgi.annotation.versioning.ConsumerType;

/** Chooses and orders the training examples. */
@ConsumerType
public interface Sampler<O extends Record> extends Plugin<O> {
    /**
     * The examples of one epoch in order of their use, as indices into the training split. A pure function of its arguments, so
     * that a resumed run goes on with the same examples.
     *
     * @param size examples in the training split
     * @param epoch from 0
     */
    int[] epoch(O options, int size, int epoch, long seed);
}
