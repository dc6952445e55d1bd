package org.attune.peft;

import java.util.List;
import org.attune.plugin.Option;

/**
 * Options that methods over chosen modules share: what is left out, and what is trained whole beside.
 *
 * @param exclude modules that targets name, but that are left alone
 * @param layers the numbers of the layers to adapt; none for all
 * @param layersPattern what stands before a layer's number; none for whatever does
 * @param modulesToSave modules that are trained whole
 */
public record Selection(
        @Option(
                value = "of the targets, those to leave alone: path suffixes, or one regular expression",
                defaults = "[]")
        List<String> exclude,

        @Option(value = "numbers of the layers to adapt, from 0; empty for all", defaults = "[]", min = 0)
        List<Integer> layers,

        @Option(
                value = "with layers: what stands before a layer's number in the path, as in h.0; empty for any name",
                defaults = "[]")
        List<String> layersPattern,

        @Option(value = "modules of the base model to train whole, such as lm_head: path suffixes", defaults = "[]")
        List<String> modulesToSave) {
    /** Leaves out nothing and trains nothing beside. */
    public static final Selection ALL = new Selection(List.of(), List.of(), List.of(), List.of());
}
