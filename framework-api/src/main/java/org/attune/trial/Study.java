package org.attune.trial;

import java.nio.file.Path;
import java.util.List;

/**
 * What a study runs, and what its table shows.
 *
 * @param output the folder for results
 * @param seeds of the runs, in order
 * @param columns names of scores
 * @param variants in order
 */
public record Study(Path output, List<Long> seeds, List<String> columns, List<Variant> variants) {
    /**
     * One row.
     *
     * @param runs one a seed, in order
     * @param timing short runs that only take the time of a step; empty where there is none
     */
    public record Variant(String name, List<Run> runs, List<Run> timing) {}

    /**
     * A trial to be run.
     *
     * @param warmup so many steps come before those whose time counts
     * @param spec the text of a spec that can be read from anywhere
     * @param fingerprint of everything in the spec but its name and where its files lie: two runs with the same one are the same run
     */
    public record Run(long seed, int warmup, String spec, String fingerprint) {}
}
