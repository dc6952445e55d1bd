package org.attune.kernel.step;

import java.util.ArrayList;
import java.util.List;
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

    private final String end;
    private boolean dropped;
    private Prefix prefix;

    /**
     * What the last stage of the prefix gives.
     *
     * @param paths of its stages; none where they are not worth keeping
     * @param rows the tokens of the batch that {@code states} has rows for; null for all
     * @param states [rows, width], persistent; its owner closes it; null where they are not worth keeping
     * @param end the stage after it, which is not frozen; null where the prefix ends for another reason
     */
    record Prefix(List<String> paths, int[] rows, Tensor states, String end) {
        boolean isWorthKeeping() {
            return states != null;
        }

        void close() {
            if (states != null) {
                states.close();
            }
        }
    }

    /**
     * @param dropout as the passes have it that the prefix is for: null for an evaluation's
     * @param end the stage that the prefix ends before, frozen or not; null to go as far as possible
     */
    PrefixPass(
            Model model,
            ParameterStore parameters,
            Wiring wiring,
            StepSettings settings,
            TokenBatch batch,
            Rng dropout,
            String end) {
        super(model, parameters, wiring, settings, batch, dropout, null);
        this.end = end;
    }

    /** Ends the computation in the middle of an objective's and a model's code. */
    private static final class Reached extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Reached() {
            super("the end of the frozen prefix", null, false, false);
        }
    }

    /** Runs {@code computation}, which goes through the model, up to the end of the prefix. */
    Prefix run(Runnable computation) {
        prefix = new Prefix(List.of(), null, null, null); // it may not run the model in stages
        try {
            computation.run();
        } catch (Reached e) {
            return prefix;
        }
        return prefix;
    }

    @Override
    public Tensor stages(List<Stage> stages) {
        List<String> paths = new ArrayList<>();
        int[] rows = null;
        Tensor x = null;
        String after = null;
        for (Stage next : stages) {
            if (next.path().equals(end) || !frozen(next.path())) {
                after = next.path();
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
        prefix = paths.size() >= LEAST
                ? new Prefix(paths, rows, x.keep(), after)
                : new Prefix(List.of(), null, null, after);
        throw new Reached();
    }

    @Override
    public Tensor dropout(String place, Tensor x, double p) {
        dropped |= drops(p);
        return x;
    }
}
