package org.attune.evaluation;

/** What a model said of one example; each kind of task has a kind of its own. */
public interface Prediction {
    /** The example's index in its split. */
    long example();
}
