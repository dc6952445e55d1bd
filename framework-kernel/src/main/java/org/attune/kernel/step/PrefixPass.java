package org.attune.kernel.step;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.attune.model.Model;
import org.attune.model.Stage;
import org.attune.model.TokenBatch;
import org.attune.tensor.Rng;
import org.attune.tensor.Tensor;

/**
 * A pass that goes no further than the model's frozen prefix: its leading stages in which nothing is trained, no adapter acts and,
 * in training, nothing is dropped.
 */
final class PrefixPass extends ForwardPass {
    /** An embedding is looked up as fast as its result. */
    private static final int LEAST = 2;

    private boolean dropped;
    private Prefix prefix;

    /**
     * What the last stage of the prefix gives.
     *
     * @param paths of its stages
     * @param rows the tokens of the batch that {@code states} has rows for; null for all
     * @param states [rows, width], persistent; its owner closes it
     */
    record Prefix(List<String> paths, int[] rows, Tensor states) {}

    /** @param dropout as the passes have it that the prefix is for: null for an evaluation's */
    PrefixPass(
            Model model,
            ParameterStore parameters,
            Wiring wiring,
            StepSettings settings,
            TokenBatch batch,
            Rng dropout) {
        super(model, parameters, wiring, settings, batch, dropout, null);
    }

    /** Ends the computation in the middle of an objective's and a model's code. */
    private static final class Reached extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Reached() {
            super("the end of the frozen prefix", null, false, false);
        }
    }

    /**
     * Runs {@code computation}, which goes through the model, up to the end of the prefix.
     *
     * @return empty where the prefix is not worth keeping
     */
    Optional<Prefix> run(Runnable computation) {
        try {
            computation.run();
        } catch (Reached e) {
            return Optional.ofNullable(prefix);
        }
        return Optional.empty(); // it does not run the model in stages
    }

    @Override
    public Tensor stages(List<Stage> stages) {
        List<String> paths = new ArrayList<>();
        int[] rows = null;
        Tensor x = null;
        for (Stage next : stages) {
            if (!frozen(next.path())) {
                break;
            }
            Tensor y = run(next, x, false);
            if (dropped) {
                break;
            }
            x = y;
            rows = next.rows();
            paths.add(next.path());
        }
        if (paths.size() >= LEAST) {
            prefix = new Prefix(paths, rows, x.keep());
        }
        throw new Reached();
    }

    @Override
    public Tensor dropout(String place, Tensor x, double p) {
        dropped |= drops(p);
        return x;
    }
}
