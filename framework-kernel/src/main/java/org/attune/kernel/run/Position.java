package org.attune.kernel.run;

import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * How far a run has come, apart from its tensors.
 *
 * @param step optimiser steps done
 * @param epoch the epoch in progress, from 0
 * @param offset examples of that epoch which are used up
 * @param optimizerStep t of the optimiser's last update
 * @param seconds spent in training steps, over all sittings
 * @param examples used
 * @param tokens real tokens used
 * @param history what the loop keeps besides: evaluations, early stopping. Write no NaN or infinity: JSON has none
 */
public record Position(
        long step,
        int epoch,
        long offset,
        long optimizerStep,
        double seconds,
        long examples,
        long tokens,
        ObjectNode history) {}
