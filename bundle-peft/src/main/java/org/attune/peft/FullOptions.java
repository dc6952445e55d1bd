package org.attune.peft;

import java.util.List;
import org.attune.plugin.Option;

/**
 * What {@link Full} may be told.
 *
 * @param targets which weights to train; none for all
 */
public record FullOptions(
        @Option(
                value =
                        "weights to train: names or modules, by path suffix, or one regular expression for the whole name; "
                                + "empty for all",
                defaults = "[]")
        List<String> targets) {}
