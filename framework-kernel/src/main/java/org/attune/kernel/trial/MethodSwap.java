package org.attune.kernel.trial;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.attune.kernel.merge.MergedWeights;
import org.attune.kernel.spec.PluginRef;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Wiring;
import org.attune.model.Model;
import org.attune.plugin.UserError;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.trial.Trials.Former;

/** The wish that a trial go on with another method. */
final class MethodSwap extends Wish {
    private final List<PluginRef> adapters;
    private final Former former;

    /** @param adapters with all their options */
    MethodSwap(List<PluginRef> adapters, Former former) {
        this.adapters = List.copyOf(adapters);
        this.former = former;
    }

    List<PluginRef> adapters() {
        return adapters;
    }

    /** What becomes of the former adapters, as it is written down. */
    String former() {
        return former.name().toLowerCase(Locale.ROOT);
    }

    @Override
    void carryOut(TrialRun trial) {
        trial.exchange(this);
    }

    @Override
    String granted(long step) {
        return "goes on with " + names() + " from step " + step + ", what it had is " + former();
    }

    @Override
    String refused(long step) {
        return "not given " + names() + " at step " + step;
    }

    private String names() {
        return adapters.stream().map(PluginRef::name).collect(Collectors.joining(", "));
    }

    /** The weights that the former adapters come to, where they shall be merged. */
    Map<String, Tensor> merged(Model model, ParameterStore parameters, Wiring wiring, TensorEngine engine) {
        if (former == Former.DROPPED) {
            return Map.of();
        }
        try {
            return new MergedWeights(model, parameters, wiring).changed(engine);
        } catch (UserError e) {
            throw new UserError(e.getMessage() + "; to go on without what it has learnt, swap with --drop", e);
        }
    }
}
