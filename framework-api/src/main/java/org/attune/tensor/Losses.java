package org.attune.tensor;

import java.util.List;
import java.util.stream.IntStream;
import org.attune.tensor.engine.Binary;
import org.attune.tensor.engine.TensorEngine;

/** Loss functions by row. */
final class Losses {
    /** The label of a row that carries no loss, as in PyTorch. */
    static final int IGNORED = -100;

    private Losses() {}

    static Tensor crossEntropy(Tensor logits, int[] given) {
        int[] labels = given.clone(); // backward comes later
        Shape s = logits.shape();
        if (s.rank() != 2 || s.dim(0) != labels.length) {
            throw new IllegalArgumentException(labels.length + " labels for logits of shape " + s);
        }
        for (int label : labels) {
            if (label != IGNORED && (label < 0 || label >= s.dim(1))) {
                throw new IllegalArgumentException("label " + label + " for " + s.dim(1) + " classes");
            }
        }
        TensorEngine e = logits.engine();
        Tensor losses = Tensor.allocate(e, Shape.of(labels.length), e.dtype());
        Tensor probabilities = Tensor.allocate(e, s, e.dtype());
        e.crossEntropy(logits.storage(), s.dim(0), s.dim(1), labels, losses.storage(), probabilities.storage());
        return Tensor.recorded(
                losses,
                List.of(probabilities),
                (dy, in) -> {
                    Tensor dlogits = logits.allocate(s);
                    e.crossEntropyGrad(
                            probabilities.storage(), s.dim(0), s.dim(1), labels, dy.storage(), dlogits.storage());
                    in.add(0, dlogits);
                },
                List.of(),
                logits);
    }

    static Tensor linearCrossEntropy(Tensor x, Tensor weight, int[] given) {
        int[] rows = IntStream.range(0, given.length)
                .filter(i -> given[i] != IGNORED)
                .toArray();
        int[] labels = IntStream.of(rows).map(i -> given[i]).toArray();
        check(x, weight, given, labels);
        if (labels.length == given.length) {
            return labelled(x, weight, labels);
        }
        Tensor picked = x.gatherRows(rows);
        Tensor some = labelled(picked, weight, labels);
        Tensor losses = some.scatterRows(rows, given.length);
        if (!losses.requiresGradient()) {
            picked.close();
            some.close();
        }
        return losses;
    }

    private static void check(Tensor x, Tensor weight, int[] given, int[] labels) {
        Shape s = x.shape();
        if (s.rank() != 2 || weight.shape().rank() != 2 || weight.shape().dim(1) != s.dim(1)) {
            throw new IllegalArgumentException("a linear layer of weight " + weight.shape() + " cannot take " + s);
        }
        if (s.dim(0) != given.length) {
            throw new IllegalArgumentException(given.length + " labels for rows of shape " + s);
        }
        for (int label : labels) {
            if (label < 0 || label >= weight.shape().dim(0)) {
                throw new IllegalArgumentException(
                        "label " + label + " for " + weight.shape().dim(0) + " classes");
            }
        }
    }

    /**
     * Where the weight is frozen, the gradient for {@code x} is made along with the losses, up to the factor dloss of each row:
     * the logits need not be made twice. Where it is trained they are, for its gradient needs those factors.
     */
    private static Tensor labelled(Tensor x, Tensor weight, int[] labels) {
        TensorEngine e = x.engine();
        Tensor losses = Tensor.allocate(e, Shape.of(labels.length), e.dtype());
        boolean early = Scope.recording() && x.requiresGradient() && !weight.requiresGradient();
        Tensor dx = early ? x.allocate(x.shape()) : null;
        Tensor ones = null;
        if (early) {
            ones = Tensor.allocate(e, losses.shape(), e.dtype());
            e.fill(ones.storage(), 1);
        }
        VocabularyChunks chunks = new VocabularyChunks(x, weight, labels);
        chunks.run(losses, ones, dx, null);
        if (early) {
            ones.close();
            return Tensor.recorded(
                    losses,
                    List.of(dx),
                    (dy, in) -> {
                        Tensor scaled = x.allocate(x.shape());
                        e.binary(
                                Binary.MUL,
                                dx.storage(),
                                new int[] {x.shape().dim(1), 1},
                                dy.storage(),
                                new int[] {1, 0},
                                x.shape().dims(),
                                scaled.storage());
                        in.add(0, scaled);
                    },
                    List.of(),
                    x);
        }
        return Tensor.recorded(
                losses,
                (dy, in) -> {
                    Tensor gradient = in.needed(0) ? x.allocate(x.shape()) : null;
                    Tensor sum = in.needed(1) ? in.accumulator(1) : null;
                    Tensor dw = sum;
                    if (in.needed(1) && sum == null) {
                        dw = weight.allocate(weight.shape());
                        e.fill(dw.storage(), 0);
                    }
                    chunks.run(null, dy, gradient, dw);
                    if (gradient != null) {
                        in.add(0, gradient);
                    }
                    if (dw != sum) {
                        in.add(1, dw);
                    }
                },
                List.of(x, weight),
                x,
                weight);
    }
}
