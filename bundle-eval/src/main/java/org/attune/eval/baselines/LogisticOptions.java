package org.attune.eval.baselines;

import org.attune.plugin.Option;

/**
 * How the logistic regression learns: AdaGrad (Duchi et al. 2011), one example a step.
 *
 * @param epochs passes over the training examples
 * @param learningRate of AdaGrad
 */
public record LogisticOptions(
        @Option(value = "passes over the training examples", defaults = "5", min = 1)
        int epochs,

        @Option(value = "learning rate of AdaGrad", defaults = "1.0", min = 0)
        double learningRate) {}
