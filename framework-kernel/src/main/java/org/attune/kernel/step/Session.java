package org.attune.kernel.step;

import java.util.List;
import org.attune.training.Regularizer;
import org.attune.training.Trainer;

/**
 * The live objects of a trial's plug-ins. It is dropped whole when one of them goes away, and made anew; nothing else of a trial
 * refers to plug-in code.
 */
public record Session(Trainer.Objective objective, Wiring wiring, List<Regularizer.Penalty> penalties) {}
