package org.attune.data;

import java.util.List;
import java.util.Optional;
import org.osgi.annotation.versioning.ConsumerType;

/** The examples of a source. Immutable and thread-safe. */
@ConsumerType
public interface DataSet extends AutoCloseable {
    /** The names of its splits, for example {@code train} and {@code test}. */
    List<String> splits();

    /** How many examples a split has. */
    int size(String split);

    /** @param index from 0 to size - 1; always the same example for the same index */
    Example get(String split, int index);

    /** The possible values of the label, in order of class number, where the source knows them. */
    Optional<List<String>> labels();

    /** Identifies the content of all splits: part of a run's provenance. */
    String fingerprint();

    @Override
    void close();
}
