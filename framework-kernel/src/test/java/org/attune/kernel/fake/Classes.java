package org.attune.kernel.fake;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.attune.data.Example;
import org.attune.evaluation.ClassPrediction;
import org.attune.evaluation.Prediction;
import org.attune.model.Forward;
import org.attune.model.Model;
import org.attune.plugin.NoOptions;
import org.attune.plugin.UserError;
import org.attune.tensor.Rng;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Batch;
import org.attune.training.Initializer;
import org.attune.training.Sample;
import org.attune.training.Trainer;

/** Cross-entropy of a linear head. */
public final class Classes implements Trainer<NoOptions> {
    /** Told of each training micro-batch, on a worker, in the middle of a step. */
    public volatile Consumer<Batch> onLoss = batch -> {};
    /** What an epoch makes of a sample; null where it leaves samples as they are. */
    public volatile BiFunction<Sample, Rng, Sample> varies;
    /** What becomes of a micro-batch's loss. */
    public volatile UnaryOperator<Tensor> loss = UnaryOperator.identity();
    /** Told of each objective that is opened. */
    public volatile Consumer<Objective> onOpen = objective -> {};

    @Override
    public Class<NoOptions> options() {
        return NoOptions.class;
    }

    @Override
    public Objective open(NoOptions options, Setup setup) {
        setup.parameter(
                "classifier.weight",
                Shape.of(setup.labels().size(), setup.model().hiddenSize()),
                Initializer.normal(0.2));
        setup.parameter("classifier.bias", Shape.of(setup.labels().size()), Initializer.constant(0));
        Objective objective = new Head(setup.model(), setup.labels());
        onOpen.accept(objective);
        return objective;
    }

    private final class Head implements Objective {
        private final Model model;
        private final List<String> labels;

        Head(Model model, List<String> labels) {
            this.model = model;
            this.labels = labels;
        }

        @Override
        public Sample prepare(Example example, long index) {
            String text = example.fields().get("text");
            int[] ids = text.isEmpty()
                    ? new int[0]
                    : Arrays.stream(text.split(" ")).mapToInt(Integer::parseInt).toArray();
            int label = labels.indexOf(example.fields().get("label"));
            if (label < 0) {
                throw new UserError(
                        example.id() + ": label '" + example.fields().get("label") + "' is unknown");
            }
            return new Sample(index, ids, new int[ids.length], new int[] {label});
        }

        @Override
        public boolean varies() {
            return varies != null;
        }

        @Override
        public Sample vary(Sample sample, Rng rng) {
            return varies == null ? sample : varies.apply(sample, rng);
        }

        @Override
        public double weight(Sample sample) {
            return 1;
        }

        @Override
        public Tensor logits(Forward forward, Batch batch) {
            return forward.linear(
                    "classifier", model.pool(forward, model.encode(forward, model.pooledTokens(forward.batch()))));
        }

        @Override
        public Tensor loss(Forward forward, Batch batch) {
            onLoss.accept(batch);
            int[] classes =
                    batch.samples().stream().mapToInt(s -> s.labels()[0]).toArray();
            return loss.apply(logits(forward, batch).crossEntropy(classes).sum());
        }

        @Override
        public List<Prediction> predict(Forward forward, Batch batch) {
            double[] p = logits(forward, batch).softmax().toDoubles();
            List<Prediction> predictions = new ArrayList<>();
            for (int i = 0; i < batch.samples().size(); i++) {
                Sample s = batch.samples().get(i);
                predictions.add(new ClassPrediction(
                        s.example(), s.labels()[0], Arrays.copyOfRange(p, i * labels.size(), (i + 1) * labels.size())));
            }
            return predictions;
        }
    }
}
