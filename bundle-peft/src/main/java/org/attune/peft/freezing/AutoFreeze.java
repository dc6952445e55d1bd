package org.attune.peft.freezing;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.plugin.UserError;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter.Attachment;
import org.attune.training.StepListener;

/**
 * AutoFreeze (Liu et al. 2021, arXiv 2102.01386), as its code does it: gradients are summed over an interval of steps, and d of a layer
 * is the sum of the absolute values of these sums. After each interval but the first {@code |d' - d| / d'} is taken of each layer that
 * still trains, d' being that of the interval before; all layers below the first whose value reaches the percentile of these values
 * freeze.
 */
final class AutoFreeze implements StepListener {
    private final GradualFreezingOptions options;
    private final Layers layers;
    private final Attachment on;
    /** Of the gradients of each weight that may freeze; made for training alone. */
    private final Map<String, Tensor> sums = new LinkedHashMap<>();
    /** [layers]: d of the interval before; 0 before there is one. */
    private final Tensor before;
    /** Intervals that have ended. */
    private final Tensor ended;

    AutoFreeze(GradualFreezingOptions options, Layers layers, Attachment on) {
        this.options = options;
        this.layers = layers;
        this.on = on;
        this.before = on.state("gradual_freezing.before", Shape.of(layers.count()));
        this.ended = on.state("gradual_freezing.intervals", Shape.SCALAR);
    }

    @Override
    public void before(Step step) {
        if (sums.isEmpty()) {
            layers.layers().stream()
                    .flatMap(List::stream)
                    .forEach(name -> sums.put(
                            name,
                            on.state(name + ".gradient_sum", on.weight(name).shape())));
        }
        if (step.steps() < options.intervals()) {
            throw new UserError("gradual-freezing: intervals is " + options.intervals() + " and the trial has "
                    + step.steps() + " steps; lower intervals, or train for more steps");
        }
    }

    @Override
    public void gradients(Step step) {
        sums.forEach((name, sum) -> {
            if (step.trains(name)) {
                sum.engine().accumulate(1, step.gradients().of(name).storage(), sum.storage());
            }
        });
        long interval = (step.number() + 1) / (step.steps() / options.intervals());
        if (interval > ended.item()) {
            decide(step);
            sums.values().forEach(sum -> sum.engine().fill(sum.storage(), 0));
            ended.set((double) interval);
        }
    }

    private void decide(Step step) {
        int first = 0;
        while (first < layers.count() - 1 && !trains(first, step)) {
            first++;
        }
        double[] last = before.toDoubles();
        double[] now = new double[layers.count()];
        double[] change = new double[layers.count() - first];
        for (int l = first; l < now.length; l++) {
            now[l] = size(l);
            change[l - first] = last[l] == 0 ? Double.POSITIVE_INFINITY : Math.abs(last[l] - now[l]) / last[l];
        }
        before.set(now);
        if (ended.item() == 0) {
            return; // nothing to compare with
        }
        double threshold = percentile(change, options.percentile());
        int start = first;
        while (change[start - first] < threshold) {
            start++;
        }
        Map<String, Object> log = new LinkedHashMap<>();
        log.put("frozen_layers", start);
        log.put("of", layers.count());
        log.put("change", change);
        step.log("gradual-freezing", log);
        layers.below(start).forEach(step::freeze);
    }

    private boolean trains(int layer, Step step) {
        return layers.layers().get(layer).stream().anyMatch(step::trains);
    }

    /** The sum of the absolute values of a layer's summed gradients. */
    private double size(int layer) {
        return layers.layers().get(layer).stream()
                .map(sums::get)
                .mapToDouble(sum ->
                        Scope.inference(sum.engine(), () -> sum.abs().sum().item()))
                .sum();
    }

    /** Between the two nearest, as NumPy's. */
    static double percentile(double[] values, double percent) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        double at = percent / 100 * (sorted.length - 1);
        int low = (int) at;
        double rest = at - low;
        return rest == 0 ? sorted[low] : sorted[low] + rest * (sorted[low + 1] - sorted[low]);
    }
}
