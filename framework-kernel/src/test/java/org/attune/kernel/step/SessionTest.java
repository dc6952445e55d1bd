package org.attune.kernel.step;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import org.attune.data.Example;
import org.attune.evaluation.Prediction;
import org.attune.kernel.fake.TinyModel;
import org.attune.model.Forward;
import org.attune.tensor.Tensor;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.training.Batch;
import org.attune.training.Sample;
import org.attune.training.Trainer;
import org.junit.jupiter.api.Test;

class SessionTest {
    private final ReferenceEngine engine = new ReferenceEngine();
    private final TinyModel model = new TinyModel(engine);
    private final Wiring wiring = new Wiring(model);

    /** @param labelsTokens whether labels are one a token */
    private record Objective(boolean labelsTokens) implements Trainer.Objective {
        @Override
        public Sample prepare(Example example, long index) {
            throw new UnsupportedOperationException();
        }

        @Override
        public double weight(Sample sample) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Tensor logits(Forward forward, Batch batch) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Tensor loss(Forward forward, Batch batch) {
            throw new UnsupportedOperationException();
        }

        @Override
        public List<Prediction> predict(Forward forward, Batch batch) {
            throw new UnsupportedOperationException();
        }
    }

    @Test
    void shorterTextsArePaddedWhereAnAdapterReadsThat() {
        try (ParameterStore parameters = new ParameterStore(engine, model, 0)) {
            wiring.attachment(parameters.claim(Optional.empty())).wholeSequences(true);
        }
        List<Sample> given = List.of(
                new Sample(7, new int[] {3, 1}, new int[] {0, 1}, new int[] {3, 1}),
                new Sample(8, new int[] {4, 1, 5}, new int[3], new int[] {4, 1, 5}));
        List<Sample> tokens = new Session(new Objective(true), wiring, List.of()).whole(given);
        assertThat(tokens.get(0))
                .usingRecursiveComparison()
                .isEqualTo(new Sample(7, new int[] {3, 1, 0}, new int[] {0, 1, 0}, new int[] {3, 1, -100}, 1));
        assertThat(tokens.get(1)).usingRecursiveComparison().isEqualTo(given.get(1));
        List<Sample> texts = new Session(new Objective(false), wiring, List.of())
                .whole(List.of(new Sample(7, new int[] {3}, new int[1], new int[] {2}), given.get(1)));
        assertThat(texts.get(0))
                .usingRecursiveComparison()
                .isEqualTo(new Sample(7, new int[] {3, 0, 0}, new int[3], new int[] {2}, 2));
        Batch batch = Batch.of(texts);
        assertThat(batch.tokens().textTokens()).containsExactly(0, 3, 4, 5);
        assertThat(batch.tokens().padded()).isTrue();
    }

    @Test
    void samplesStayAsTheyAreWhereNoAdapterAsks() {
        List<Sample> given = List.of(new Sample(7, new int[] {3, 1}, new int[2], new int[] {0}));
        Session session = new Session(new Objective(false), wiring, List.of());
        assertThat(session.whole(given)).isSameAs(given);
        assertThat(Batch.of(given).tokens().padded()).isFalse();
    }
}
