package org.attune.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.attune.model.Model;
import org.attune.model.Stage;
import org.attune.model.TokenBatch;
import org.attune.model.WeightForm;
import org.attune.models.source.FolderModelLoader;
import org.attune.tensor.Gradients;
import org.attune.tensor.Rng;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.reference.ReferenceEngine;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What every family owes to packing: sequences that know nothing of one another, and any subset of the rows. */
class PackedEncodingTest {
    private static final int[][] SEQUENCES = {{2, 5, 6, 3}, {3}, {2, 7, 6, 5, 5, 3}, {2, 3}};

    private final ReferenceEngine engine = new ReferenceEngine();

    @TempDir
    private Path folder;

    interface Files {
        Path write(Path folder) throws IOException;
    }

    static Stream<Named<Files>> families() {
        return Stream.of(
                Named.of("bert", new TinyBert().deeper()::write),
                Named.of("llama", TinyDecoder.llama()::write),
                Named.of("mistral", TinyDecoder.gated("mistral")::write),
                Named.of("qwen2", TinyDecoder.gated("qwen2")::write),
                Named.of("gpt2", TinyDecoder.gpt2()::write));
    }

    private Model load(Files files) throws IOException {
        return new FolderModelLoader()
                .load(files.write(folder).toString(), Path.of(""), engine, WeightForm.decoded(engine.dtype()))
                .orElseThrow();
    }

    /** Every weight trainable, and dropout that depends on place and token alone. */
    private static final class Training extends PlainForward {
        private final Map<String, Tensor> trainable = new LinkedHashMap<>();
        private final boolean dropout;
        private int[] rows;

        Training(Model model, TokenBatch batch, boolean dropout) {
            super(model, batch);
            this.dropout = dropout;
            model.weights().forEach((name, w) -> trainable.put(name, w.trainable()));
        }

        @Override
        public Tensor weight(String name) {
            return trainable.get(name);
        }

        @Override
        public Tensor stages(List<Stage> stages) {
            Tensor x = null;
            for (Stage stage : stages) {
                Tensor before = x;
                rows = stage.rows();
                x = Scope.frame(() -> stage.body().apply(before));
            }
            return x;
        }

        @Override
        public Tensor dropout(String place, Tensor x, double p) {
            if (!dropout || p == 0) {
                return x;
            }
            int[] tokens =
                    rows != null ? rows : IntStream.range(0, batch().tokens()).toArray();
            assertThat(tokens).as("rows at %s", place).hasSize(x.shape().dim(0));
            int width = x.shape().dim(1);
            double[] mask = new double[tokens.length * width];
            for (int i = 0; i < mask.length; i++) {
                Rng rng = Rng.of(3).at(place).at(tokens[i / width]);
                mask[i] = rng.uniform(i % width) < 0.3 ? 0 : 1 / 0.7;
            }
            return x.mul(Tensor.of(x.engine(), x.shape(), mask));
        }
    }

    // ---- rows ----

    static Stream<int[]> rows() {
        return Stream.of(
                new int[] {0, 4, 5, 11}, // the first tokens
                new int[] {3, 4, 10, 12},
                new int[] {1, 5, 6, 8, 9},
                new int[] {4},
                IntStream.range(0, 13).toArray());
    }

    @ParameterizedTest
    @MethodSource("families")
    void someRowsAreThoseOfAll(Files files) throws IOException {
        try (Model model = load(files)) {
            for (boolean dropout : new boolean[] {false, true}) {
                for (int[] rows : rows().toList()) {
                    List<double[]> all =
                            run(model, dropout, f -> model.encode(f).gatherRows(rows));
                    List<double[]> some = run(model, dropout, f -> model.encode(f, rows));
                    for (int i = 0; i < all.size(); i++) {
                        assertThat(some.get(i))
                                .as("values and gradients of rows %s, number %d", Arrays.toString(rows), i)
                                .containsExactly(all.get(i), within(1e-11));
                    }
                }
            }
        }
    }

    /** The hidden states, then the gradients of all weights. */
    private List<double[]> run(Model model, boolean dropout, Function<Training, Tensor> encode) {
        Training forward = new Training(model, PlainForward.batch(SEQUENCES), dropout);
        try (Gradients gradients = new Gradients(forward.trainable.values());
                Scope scope = Scope.open(engine)) {
            Tensor hidden = encode.apply(forward);
            List<double[]> numbers = new ArrayList<>();
            numbers.add(hidden.toDoubles());
            scope.backward(hidden.mul(weights(hidden.shape())).sum(), gradients);
            forward.trainable.values().forEach(w -> numbers.add(gradients.of(w).toDoubles()));
            return numbers;
        }
    }

    /** Numbers that depend on the place in a row alone, and differ. */
    private Tensor weights(Shape shape) {
        double[] values = new double[(int) shape.size()];
        Arrays.setAll(values, i -> Math.cos(i));
        return Tensor.of(engine, shape, values);
    }

    // ---- sequences ----

    /** One row for each token of the first embedding, in place of the table's: its gradients are the tokens' own. */
    private static final class ByToken extends PlainForward {
        private final int changed;
        private final double by;
        private Tensor tokens;

        ByToken(Model model, int changed, double by) {
            super(model, PlainForward.batch(SEQUENCES));
            this.changed = changed;
            this.by = by;
        }

        @Override
        public Tensor embedding(String path, int[] ids) {
            Tensor rows = super.embedding(path, ids);
            if (tokens != null) {
                return rows;
            }
            double[] values = rows.toDoubles();
            int width = rows.shape().dim(1);
            for (int i = batch().offsets()[changed] * width; i < batch().offsets()[changed + 1] * width; i++) {
                values[i] += by * Math.cos(i); // not one number for all: a norm would take it out
            }
            tokens = Tensor.zeros(rows.engine(), rows.shape()).trainable();
            tokens.set(values);
            return tokens;
        }
    }

    @ParameterizedTest
    @MethodSource("families")
    void aSequenceLeavesTheOthersBitsAlone(Files files) throws IOException {
        try (Model model = load(files)) {
            int[] offsets = PlainForward.batch(SEQUENCES).offsets();
            List<double[]> before = hiddenAndGradient(model, 0, 0);
            for (int changed = 0; changed < SEQUENCES.length; changed++) {
                for (double by : new double[] {0.25, Double.NaN}) {
                    List<double[]> after = hiddenAndGradient(model, changed, by);
                    for (int r = 0; r < 2; r++) {
                        int width = before.get(r).length / offsets[SEQUENCES.length];
                        for (int s = 0; s < SEQUENCES.length; s++) {
                            boolean same = Arrays.equals(
                                    before.get(r),
                                    offsets[s] * width,
                                    offsets[s + 1] * width,
                                    after.get(r),
                                    offsets[s] * width,
                                    offsets[s + 1] * width);
                            assertThat(same)
                                    .as("%s of %d after a change of %d", r == 0 ? "hidden" : "gradient", s, changed)
                                    .isEqualTo(s != changed);
                        }
                    }
                }
            }
        }
    }

    private List<double[]> hiddenAndGradient(Model model, int changed, double by) {
        ByToken forward = new ByToken(model, changed, by);
        try (Scope scope = Scope.open(engine)) {
            Tensor hidden = model.encode(forward);
            List<double[]> numbers = new ArrayList<>(List.of(hidden.toDoubles()));
            try (Tensor tokens = forward.tokens;
                    Gradients gradients = new Gradients(List.of(tokens))) {
                scope.backward(hidden.mul(weights(hidden.shape())).sum(), gradients);
                numbers.add(gradients.of(tokens).toDoubles());
            }
            return numbers;
        }
    }
}
