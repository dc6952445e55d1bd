package org.attune.evaluation;

import java.util.List;
import org.attune.plugin.Plugin;
import org.osgi.annotation.versioning.ConsumerType;

/** Turns predictions into named numbers. When to evaluate is not its business. */
@ConsumerType
public interface Metric<O extends Record> extends Plugin<O> {
    /** The kind of predictions that it is made for; the kernel gives it no others. */
    default Class<? extends Prediction> reads() {
        return ClassPrediction.class;
    }

    /** A fresh accumulator. */
    Accumulator open(O options, List<String> labels);

    /** Gathers predictions. Not thread-safe; parts gathered apart are merged. */
    interface Accumulator {
        void add(Prediction prediction);

        /** Takes over what another accumulator of the same metric and options has gathered. */
        void merge(Accumulator other);

        /** The numbers over all that was gathered, in the order in which they should be shown. */
        List<Score> scores();

        /** Tables to show beside the numbers, such as a confusion matrix. */
        default List<Table> tables() {
            return List.of();
        }
    }
}
