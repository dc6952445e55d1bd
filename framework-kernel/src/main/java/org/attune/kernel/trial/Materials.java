package org.attune.kernel.trial;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.attune.data.DataSet;
import org.attune.data.Example;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.Wiring;
import org.attune.kernel.step.Workers;
import org.attune.plugin.UserError;
import org.attune.tensor.Rng;
import org.attune.training.Sample;
import org.attune.training.Trainer;

/**
 * A trial's examples as its trainer reads them. They are read once, at the beginning, so that a mistake on line 9,000 shows before
 * the first step, and so that the data source may be replaced while the trial runs.
 *
 * @param labels in order of class number
 * @param train samples of the training split
 * @param trainIds what messages call them
 * @param evaluation samples of the split that evaluations use; empty for none
 * @param trainTexts and evaluationTexts what baselines read; empty where none are asked for
 * @param fingerprint of the data
 */
record Materials(
        List<String> labels,
        List<Sample> train,
        List<String> trainIds,
        List<Sample> evaluation,
        List<String> trainTexts,
        List<String> evaluationTexts,
        String fingerprint) {
    static final String TRAIN = "train";

    /** The label's values: as the source states them, else those of the training split, sorted. */
    static List<String> labels(DataSet data) {
        return data.labels().orElseGet(() -> {
            Set<String> seen = new TreeSet<>();
            for (int i = 0; i < data.size(TRAIN); i++) {
                String label = data.get(TRAIN, i).fields().get("label");
                if (label != null) {
                    seen.add(label);
                }
            }
            return List.copyOf(seen);
        });
    }

    /** @throws UserError if the data lacks a split, or has no examples in it */
    static void check(DataSet data, String evaluationSplit) {
        Set<String> wanted = new LinkedHashSet<>(List.of(TRAIN));
        if (!evaluationSplit.isEmpty()) {
            wanted.add(evaluationSplit);
        }
        for (String split : wanted) {
            if (!data.splits().contains(split)) {
                throw new UserError("the data has no split '" + split + "'; it has " + data.splits()
                        + ". Give the data source a " + split + " part, or change evaluate.split");
            }
            if (data.size(split) == 0) {
                throw new UserError("the data's split '" + split + "' has no examples");
            }
        }
    }

    /** A field of every example of a split; "" where an example lacks it. */
    static List<String> texts(DataSet data, String split) {
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < data.size(split); i++) {
            texts.add(data.get(split, i).fields().getOrDefault("text", ""));
        }
        return texts;
    }

    static List<String> ids(DataSet data, String split) {
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < data.size(split); i++) {
            ids.add(data.get(split, i).id());
        }
        return ids;
    }

    /** How an objective reads an example. */
    private interface Reading {
        List<Sample> of(Example example, long index);
    }

    /** @throws UserError if an example is none for the trainer, or longer than the model takes */
    static List<Sample> training(DataSet data, Session session, Workers workers, int maxLength) {
        return prepare(
                data,
                TRAIN,
                (example, i) -> List.of(session.objective().prepare(example, i)),
                workers,
                new Room(maxLength, session.wiring().positionsTaken()));
    }

    /**
     * Samples numbered in order, for an example may give several.
     *
     * @param rng decides what varies between epochs in training, and here does not
     * @throws UserError if an example is none for the trainer, or longer than the model takes
     */
    static List<Sample> evaluation(
            DataSet data, String split, Session session, Workers workers, int maxLength, Rng rng) {
        Trainer.Objective objective = session.objective();
        List<Sample> parts = prepare(
                data,
                split,
                objective::prepareForEvaluation,
                workers,
                new Room(maxLength, session.wiring().positionsTaken()));
        List<Sample> samples = new ArrayList<>();
        for (Sample part : parts) {
            long number = samples.size();
            Sample numbered = new Sample(number, part.ids(), part.types(), part.labels());
            samples.add(objective.vary(numbered, rng.at(number)));
        }
        return List.copyOf(samples);
    }

    /**
     * Checks that other adapters leave the samples room enough.
     *
     * @throws UserError if a sample is longer than what they leave of the model's positions
     */
    void fit(Wiring wiring, int maxLength) {
        Room room = new Room(maxLength, wiring.positionsTaken());
        for (int i = 0; i < train.size(); i++) {
            room.check(train.get(i), trainIds.get(i));
        }
        for (Sample sample : evaluation) {
            room.check(sample, "example " + (sample.example() + 1) + " of the evaluation");
        }
    }

    private static List<Sample> prepare(DataSet data, String split, Reading reading, Workers workers, Room room) {
        int size = data.size(split);
        List<List<Sample>> samples = new ArrayList<>(Collections.nCopies(size, null));
        workers.run(w -> {
            for (int i = w; i < size; i += workers.count()) {
                Example example = data.get(split, i);
                List<Sample> parts = reading.of(example, i);
                parts.forEach(sample -> room.check(sample, example.id()));
                samples.set(i, parts);
            }
        });
        return samples.stream().flatMap(List::stream).toList();
    }

    /**
     * How long a sequence may be.
     *
     * @param positions of the model
     * @param taken those of them that adapters take
     */
    private record Room(int positions, int taken) {
        void check(Sample sample, String id) {
            int length = sample.ids().length;
            if (length == 0) {
                throw new UserError(id + ": the text is empty: it has no tokens");
            }
            if (length > positions - taken) {
                throw new UserError(id + ": " + length + " tokens, the model takes at most " + positions
                        + (taken > 0 ? ", and the adapters take " + taken + " of them" : "")
                        + "; shorten the text, or lower the trainer's max_length");
            }
        }
    }
}
