package org.attune.peft.prompt;

import org.attune.plugin.Option;

/**
 * What {@link PrefixTuning} may be told.
 *
 * @param length of the prefix
 * @param projection whether it is computed from vectors by two maps
 * @param hidden width between those; 0 for that of the keys
 */
public record PrefixTuningOptions(
        @Option(value = "keys and values before each sequence", defaults = "20", min = 1)
        int length,

        @Option(
                value = "compute them from vectors by two maps with tanh between, which are trained in their place",
                defaults = "false")
        boolean projection,

        @Option(value = "with projection: width between the maps; 0 for that of the keys", defaults = "0", min = 0)
        int hidden) {}
