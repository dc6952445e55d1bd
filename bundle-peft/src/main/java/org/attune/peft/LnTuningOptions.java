package org.attune.peft;

import java.util.List;
import org.attune.plugin.Option;

/**
 * What {@link LnTuning} may be told.
 *
 * @param targets the normalisations to train
 * @param selection what is left out or trained whole
 */
public record LnTuningOptions(
        @Option(
                value =
                        "normalisations to train: path suffixes, or one regular expression for the whole path; empty for all",
                defaults = "[]")
        List<String> targets,

        Selection selection) {}
