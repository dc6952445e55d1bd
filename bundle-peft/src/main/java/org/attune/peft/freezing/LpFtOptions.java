package org.attune.peft.freezing;

import org.attune.plugin.Option;

/**
 * What {@link LpFt} may be told.
 *
 * @param probe steps of the first part
 * @param rate learning rate of the second part over that of the first
 */
public record LpFtOptions(
        @Option(
                value = "steps in which the head alone is trained; below 1 a share of all steps",
                defaults = "0.5",
                min = 0)
        double probe,

        @Option(
                value = "the learning rate is multiplied by it afterwards, when everything is trained",
                defaults = "0.1",
                min = 0)
        double rate) {}
