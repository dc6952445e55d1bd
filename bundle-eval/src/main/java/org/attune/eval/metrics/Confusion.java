package org.attune.eval.metrics;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.attune.eval.TribuoLog;
import org.attune.evaluation.ClassPrediction;
import org.tribuo.ImmutableOutputInfo;
import org.tribuo.classification.Label;
import org.tribuo.classification.LabelFactory;
import org.tribuo.classification.evaluation.ConfusionMatrix;

/**
 * How often each class was taken for each: Tribuo's matrix, but one that grows and merges. Tribuo's own is made at once, of
 * predictions that are all kept, and asks for a Tribuo model.
 */
final class Confusion implements ConfusionMatrix<Label> {
    static {
        TribuoLog.quiet();
    }

    private final List<Label> labels;
    private final ImmutableOutputInfo<Label> domain;
    private final long[][] counts; // [gold][predicted]

    /** @param names one a class, in order of class number */
    Confusion(List<String> names) {
        labels = names.stream().map(Label::new).toList();
        Map<Label, Integer> numbers = new HashMap<>();
        for (Label label : labels) {
            numbers.put(label, numbers.size());
        }
        domain = new LabelFactory().constructInfoForExternalModel(numbers);
        counts = new long[labels.size()][labels.size()];
    }

    void add(ClassPrediction prediction) {
        counts[prediction.gold()][prediction.predicted()]++;
    }

    void merge(Confusion other) {
        for (int i = 0; i < counts.length; i++) {
            for (int j = 0; j < counts.length; j++) {
                counts[i][j] += other.counts[i][j];
            }
        }
    }

    int classes() {
        return labels.size();
    }

    Label label(int index) {
        return labels.get(index);
    }

    String name(int index) {
        return labels.get(index).getLabel();
    }

    long count(int gold, int predicted) {
        return counts[gold][predicted];
    }

    /** How often a class was right. */
    long gold(int index) {
        return IntStream.range(0, classes()).mapToLong(j -> counts[index][j]).sum();
    }

    /** How often a class was predicted. */
    long predicted(int index) {
        return IntStream.range(0, classes()).mapToLong(i -> counts[i][index]).sum();
    }

    long total() {
        return IntStream.range(0, classes()).mapToLong(this::gold).sum();
    }

    /** The classes that were right or predicted at least once. */
    int[] occurring() {
        return IntStream.range(0, classes())
                .filter(i -> gold(i) + predicted(i) > 0)
                .toArray();
    }

    @Override
    public ImmutableOutputInfo<Label> getDomain() {
        return domain;
    }

    @Override
    public double support() {
        return total();
    }

    @Override
    public double support(Label label) {
        return gold(domain.getID(label));
    }

    @Override
    public double tp(Label label) {
        int i = domain.getID(label);
        return counts[i][i];
    }

    @Override
    public double fp(Label label) {
        return predicted(domain.getID(label)) - tp(label);
    }

    @Override
    public double fn(Label label) {
        return support(label) - tp(label);
    }

    @Override
    public double tn(Label label) {
        return total() - support(label) - fp(label);
    }

    @Override
    public double confusion(Label predicted, Label gold) {
        return counts[domain.getID(gold)][domain.getID(predicted)];
    }
}
