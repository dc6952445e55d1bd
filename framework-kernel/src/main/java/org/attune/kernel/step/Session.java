package org.attune.kernel.step;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.attune.training.Regularizer;
import org.attune.training.Sample;
import org.attune.training.Trainer;

/**
 * The live objects of a trial's plug-ins. It is dropped whole when one of them goes away, and made anew; nothing else of a trial
 * refers to plug-in code.
 */
public record Session(Trainer.Objective objective, Wiring wiring, List<Regularizer.Penalty> penalties) {
    /** What a label is that counts nothing. */
    private static final int NONE = -100;

    /** Samples as passes have them: with the adapters' virtual tokens, and padded where an adapter reads that. */
    List<Sample> whole(List<Sample> samples) {
        int[] virtual = wiring.virtualIds();
        List<Sample> all = virtual.length == 0
                ? samples
                : samples.stream().map(sample -> behind(virtual, sample)).toList();
        return wiring.padding().isEmpty() ? all : padded(all, wiring.padding().getAsInt());
    }

    private List<Sample> padded(List<Sample> samples, int id) {
        int longest = samples.stream().mapToInt(s -> s.ids().length).max().orElse(0);
        List<Sample> padded = new ArrayList<>();
        for (Sample s : samples) {
            int[] ids = Arrays.copyOf(s.ids(), longest);
            Arrays.fill(ids, s.ids().length, longest, id);
            int[] labels = s.labels();
            if (objective.labelsTokens() && labels.length > 0) {
                labels = Arrays.copyOf(labels, longest);
                Arrays.fill(labels, s.labels().length, longest, NONE);
            }
            padded.add(
                    new Sample(s.example(), ids, Arrays.copyOf(s.types(), longest), labels, longest - s.ids().length));
        }
        return padded;
    }

    private Sample behind(int[] virtual, Sample sample) {
        int[] none = new int[virtual.length];
        Arrays.fill(none, NONE);
        return new Sample(
                sample.example(),
                joined(virtual, sample.ids()),
                joined(new int[virtual.length], sample.types()),
                objective.labelsTokens() ? joined(none, sample.labels()) : sample.labels());
    }

    private static int[] joined(int[] first, int[] second) {
        return IntStream.concat(Arrays.stream(first), Arrays.stream(second)).toArray();
    }
}
