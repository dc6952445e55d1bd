package org.attune.it;

import org.attune.kernel.step.ForwardPass;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Wiring;
import org.attune.model.Model;
import org.attune.model.TokenBatch;
import org.attune.tensor.Scope;
import org.attune.tensor.engine.TensorEngine;

/** A pass over a whole text, with nothing kept of an earlier one. */
final class WholePass extends ForwardPass {
    private WholePass(Model model, ParameterStore parameters, Wiring wiring, int[] ids) {
        super(
                model,
                parameters,
                wiring,
                new StepSettings(1, Integer.MAX_VALUE, 0),
                new TokenBatch(ids, new int[ids.length], new int[] {0, ids.length}, new long[1]),
                null,
                null);
    }

    /** What a model says of each token that is masked or not [tokens, vocabulary]. */
    static double[] masked(TensorEngine engine, Model model, int[] ids) {
        try (ParameterStore none = new ParameterStore(engine, model, 0)) {
            WholePass pass = new WholePass(model, none, new Wiring(model), ids);
            return Scope.inference(
                    engine,
                    () -> model.maskedHead()
                            .orElseThrow()
                            .logits(pass, model.encode(pass))
                            .toDoubles());
        }
    }

    /** Natural logarithms of the probabilities of what follows a text [vocabulary]. */
    static double[] next(TensorEngine engine, Model model, int[] ids) {
        try (ParameterStore none = new ParameterStore(engine, model, 0)) {
            return next(engine, model, none, new Wiring(model), ids);
        }
    }

    /** As above, with adapters. */
    static double[] next(TensorEngine engine, Model model, ParameterStore parameters, Wiring wiring, int[] ids) {
        WholePass pass = new WholePass(model, parameters, wiring, ids);
        return Scope.inference(
                engine,
                () -> model.languageHead()
                        .orElseThrow()
                        .logits(pass, model.encode(pass, pass.batch().lastTokens()))
                        .logSoftmax()
                        .toDoubles());
    }
}
