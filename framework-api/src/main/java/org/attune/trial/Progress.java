package org.attune.trial;

import java.time.Duration;

/**
 * How far a trial is.
 *
 * @param step optimiser steps done
 * @param steps optimiser steps in all
 * @param epoch epochs done, with fraction
 * @param loss mean loss of the last step; NaN before the first
 * @param examples examples used
 * @param tokens real tokens used
 * @param examplesPerSecond over the last steps
 * @param elapsed spent in training steps, over all sittings
 * @param left estimated; null before the first step
 */
public record Progress(
        long step,
        long steps,
        double epoch,
        double loss,
        long examples,
        long tokens,
        double examplesPerSecond,
        Duration elapsed,
        Duration left) {}
