package org.attune.kernel.trial;

import java.util.ArrayList;
import java.util.List;
import org.attune.kernel.plugins.PluginKind;
import org.attune.kernel.spec.TrialSpec;
import org.attune.kernel.step.Course;
import org.attune.training.Sample;
import org.attune.training.Sampler;

/** The samples of each step, as a trial's sampler orders them epoch by epoch. */
final class SampleOrder {
    private final TrialSpec spec;
    private final List<Sample> all;
    private final Course course;
    private final Scoring.Plugins plugins;
    private int[] order = {};
    private long epoch = -1;

    SampleOrder(TrialSpec spec, List<Sample> all, Course course, Scoring.Plugins plugins) {
        this.spec = spec;
        this.all = all;
        this.course = course;
        this.plugins = plugins;
    }

    List<Sample> samples(long step) {
        int now = (int) (step / course.stepsPerEpoch());
        if (now != epoch) {
            order = plugins.use(PluginKind.SAMPLER, spec.sampler(), sampler -> order(sampler, now));
            epoch = now;
        }
        int batch = spec.train().batch();
        int from = (int) (step % course.stepsPerEpoch()) * batch;
        List<Sample> samples = new ArrayList<>();
        for (int i = from; i < Math.min(all.size(), from + batch); i++) {
            samples.add(all.get(order[i]));
        }
        return samples;
    }

    private <O extends Record> int[] order(Sampler<O> sampler, int now) {
        int size = all.size();
        int[] chosen = sampler.epoch(
                PluginSet.options(sampler, spec.sampler(), PluginKind.SAMPLER, spec.base()), size, now, spec.seed());
        if (chosen.length != size) {
            throw new IllegalStateException("sampler '" + spec.sampler().name() + "' chose " + chosen.length
                    + " examples for an epoch of " + size);
        }
        for (int index : chosen) {
            if (index < 0 || index >= size) {
                throw new IllegalStateException("sampler '" + spec.sampler().name() + "' chose example " + index
                        + "; there are those from 0 to " + (size - 1));
            }
        }
        return chosen;
    }
}
