package org.attune.data;

import java.nio.file.Path;
import org.attune.plugin.Plugin;
import org.osgi.annotation.versioning.ConsumerType;

/** Knows which examples there are. Batching, order and tokens are not its business. */
@ConsumerType
public interface DataSource<O extends Record> extends Plugin<O> {
    /**
     * Opens the data.
     *
     * @throws org.attune.plugin.UserError if a file is missing or malformed, with its name and line
     */
    DataSet open(O options, Surroundings surroundings);

    /**
     * What a source may need beside its options.
     *
     * @param base the folder that relative paths start from
     * @param resources the folder of data files that come with the distribution
     * @param seed the trial's seed, for sources that draw
     */
    record Surroundings(Path base, Path resources, long seed) {}
}
