package org.attune.kernel.step;

import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.attune.model.Model;
import org.attune.plugin.UserError;
import org.attune.tensor.Rng;
import org.attune.tensor.Scope;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.training.Adapter;
import org.attune.training.Batch;
import org.attune.training.Sample;
import org.attune.training.Trainer;

/**
 * Shows adapters what enters a model's linear maps before anything is trained.
 *
 * @param parameters of the trial, which may have other values for weights of the model; nothing of them is changed
 * @param head what the objective has beside the model; of first values, for no adapted map reads them
 */
public record Observation(
        TensorEngine engine,
        Model model,
        ParameterStore parameters,
        ParameterStore head,
        Workers workers,
        StepSettings settings) {
    /** What a label is that counts nothing. */
    private static final int NONE = -100;

    /**
     * Runs batch after batch through the model without adapters and dropout, each at once and by one thread, until the observer wants no
     * more. The examples come in an order that the seed decides, and from the first again after the last.
     *
     * @param samples the training split
     * @param size examples a batch
     */
    public void run(
            Trainer.Objective objective,
            List<Sample> samples,
            int size,
            Collection<String> paths,
            Adapter.Observer observer) {
        if (samples.isEmpty()) {
            throw new UserError("its first values come from training data, of which there is none");
        }
        Rng rng = Rng.of(settings.seed()).at("observed");
        int[] order = rng.permutation(samples.size());
        Set<String> observed = Set.copyOf(paths);
        workers.run(w -> {
            for (long n = 0; w == 0 && observer.more(); n++) {
                Rng varying = rng.at(n);
                long first = n * size;
                Batch batch = Batch.of(IntStream.range(0, Math.min(size, samples.size()))
                        .mapToObj(i -> samples.get(order[(int) ((first + i) % order.length)]))
                        .map(sample -> objective.vary(sample, varying.at(sample.example())))
                        .toList());
                Scope.inference(
                        engine,
                        () -> objective
                                .loss(new Pass(objective, batch, observed, observer), batch)
                                .item());
            }
        });
    }

    private final class Pass extends ForwardPass {
        private final Set<String> observed;
        private final Adapter.Observer observer;
        /** The tokens that the loss counts; null for all. */
        private final int[] counted;
        /** What was seen last, and the rows of it that count: several maps may read one. */
        private Tensor last;

        private Tensor rows;

        Pass(Trainer.Objective objective, Batch batch, Set<String> observed, Adapter.Observer observer) {
            super(model, parameters, new Wiring(model), settings, batch.tokens(), null, null);
            this.observed = observed;
            this.observer = observer;
            this.counted = objective.labelsTokens() ? counted(batch) : null;
        }

        private static int[] counted(Batch batch) {
            int[] labels = batch.samples().stream()
                    .flatMapToInt(sample -> IntStream.of(sample.labels()))
                    .toArray();
            return IntStream.range(0, labels.length)
                    .filter(token -> labels[token] != NONE)
                    .toArray();
        }

        @Override
        Tensor find(String name) {
            return head.find(name).orElseGet(() -> super.find(name));
        }

        /** Of the last layer too, which else computes what the loss reads alone. */
        @Override
        public boolean wholeSequences() {
            return true;
        }

        @Override
        public Tensor linear(String path, Tensor x) {
            see(path, x);
            return super.linear(path, x);
        }

        @Override
        public Tensor linearCrossEntropy(String path, Tensor x, int[] labels) {
            see(path, x);
            return super.linearCrossEntropy(path, x, labels);
        }

        private void see(String path, Tensor x) {
            if (observed.contains(path)) {
                if (x != last) {
                    boolean some = counted != null && x.shape().dim(0) == batch().tokens();
                    rows = some ? x.gatherRows(counted) : x;
                    last = x;
                }
                observer.input(path, rows);
            }
        }
    }
}
