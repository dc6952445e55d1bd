package org.attune.training;

import java.util.List;
import java.util.Optional;
import org.attune.data.Example;
import org.attune.evaluation.ClassPrediction;
import org.attune.evaluation.Prediction;
import org.attune.model.Forward;
import org.attune.model.Model;
import org.attune.plugin.Plugin;
import org.attune.tensor.Rng;
import org.attune.tensor.Tensor;
import org.osgi.annotation.versioning.ConsumerType;
import org.osgi.annotation.versioning.ProviderType;

/** Turns batches into a loss: the objective. The loop and the optimiser are not its business. */
@ConsumerType
public interface Trainer<O extends Record> extends Plugin<O> {
    /** Prepares the objective and its own parameters, for example a head; called again when the plug-in was swapped. */
    Objective open(O options, Setup setup);

    /** What a trainer may build on. */
    @ProviderType
    interface Setup extends Parameters {
        Model model();

        /**
         * The values of the label in order of class number: those that the data source states, else those of the training split,
         * sorted.
         */
        List<String> labels();
    }

    /** The objective of one trial. Called from several threads. */
    interface Objective {
        /**
         * An example as the loss reads it; called once for each example, then kept.
         *
         * @param index the example's index in its split
         * @throws org.attune.plugin.UserError if a field is missing or a label unknown
         */
        Sample prepare(Example example, long index);

        /**
         * What an evaluation reads of an example: one sample, unless the objective goes through a long example in parts. Called once
         * for each example.
         *
         * @param index the example's index in its split; the parts' own numbers are the kernel's to give
         * @throws org.attune.plugin.UserError if a field is missing or a label unknown
         */
        default List<Sample> prepareForEvaluation(Example example, long index) {
            return List.of(prepare(example, index));
        }

        /**
         * Whether {@link #vary} gives another sample each epoch, so that nothing computed of one in training can be kept for the
         * next.
         */
        default boolean varies() {
            return false;
        }

        /**
         * A prepared sample as one epoch reads it, for example with some of its tokens masked. An evaluation reads each sample the
         * same way every time. What else this objective is asked of samples, it is asked of the result.
         *
         * @param rng depends on the trial's seed, the epoch and the example, and on nothing else
         */
        default Sample vary(Sample sample, Rng rng) {
            return sample;
        }

        /**
         * What a sample counts in the normaliser: 1 where the loss is a mean over examples, the number of labelled tokens where it
         * is a mean over tokens. The loss of a step is the sum of {@link #loss} over its micro-batches, divided by the sum of
         * weights over the whole optimiser batch, however it is cut.
         */
        double weight(Sample sample);

        /**
         * What the loss is computed from: [sequences, classes] for a classifier, [tokens, vocabulary] for a language model; natural
         * logarithms up to a constant a row.
         */
        Tensor logits(Forward forward, Batch batch);

        /**
         * Whether the loss is no sum over samples, for it compares samples of a batch with each other (MMD, CORAL). Then the whole
         * batch of an optimiser step comes as one micro-batch, computed by one thread.
         */
        default boolean coupled() {
            return false;
        }

        /** The sum, not the mean, of the samples' losses, in nats; a scalar. */
        Tensor loss(Forward forward, Batch batch);

        /**
         * Whether a sample's labels are one a token. Where an adapter puts virtual tokens before a sequence, samples come with them
         * here, and then with as many labels of -100, which is no token to predict.
         */
        default boolean labelsTokens() {
            return false;
        }

        /** What PEFT calls this kind of task: {@code SEQ_CLS}, {@code CAUSAL_LM}; empty where it has no word for it. */
        default Optional<String> task() {
            return Optional.empty();
        }

        /** The kind of {@link #predict predictions}: which metrics can read them. */
        default Class<? extends Prediction> predicts() {
            return ClassPrediction.class;
        }

        /** One prediction a sample, in order. */
        List<Prediction> predict(Forward forward, Batch batch);
    }
}
