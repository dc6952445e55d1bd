package org.attune.eval.baselines;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.stream.IntStream;
import org.attune.data.DataSet;
import org.attune.data.DataSource.Surroundings;
import org.attune.evaluation.Baseline.Task;
import org.attune.evaluation.ClassPrediction;
import org.attune.sources.WordNetOptions;
import org.attune.sources.WordNetSupersense;
import org.attune.tensor.Rng;
import org.junit.jupiter.api.Test;

class BaselinesTest {
    private static final LogisticOptions DEFAULTS = new LogisticOptions(5, 1.0);

    @Test
    void wordsTellMostSupersenses() {
        Task task = wordNet(2000, 500);

        List<ClassPrediction> predictions = new TfIdfLogistic().predict(DEFAULTS, task);

        assertThat(predictions).hasSize(500);
        assertThat(predictions).allSatisfy(prediction -> {
            assertThat(prediction.probabilities()).hasSize(26);
            assertThat(Arrays.stream(prediction.probabilities()).sum()).isCloseTo(1, within(1e-9));
        });
        assertThat(accuracy(predictions)).isGreaterThan(0.5); // the largest class alone: 0.14
    }

    @Test
    void theSeedDecides() {
        Task task = wordNet(300, 100);
        TfIdfLogistic baseline = new TfIdfLogistic();

        assertThat(probabilities(baseline.predict(DEFAULTS, task)))
                .isDeepEqualTo(probabilities(baseline.predict(DEFAULTS, task)));
    }

    @Test
    void separatesClustersOfEmbeddings() {
        Task task = clusters(5);

        List<ClassPrediction> predictions = new EmbeddingLogistic().predict(DEFAULTS, task);

        assertThat(accuracy(predictions)).isEqualTo(1);
        assertThat(predictions.get(3).example()).isEqualTo(3);
        assertThat(predictions.get(3).gold()).isEqualTo(task.testLabels()[3]);
    }

    @Test
    void copesWithTextsWithoutKnownWordsAndClassesWithoutExamples() {
        Task task = new Task(
                List.of("good film", "fine good film", "bad plot", ""),
                new int[] {0, 0, 2, 2},
                List.of("", "never seen", "good"),
                new int[] {1, 1, 0},
                3,
                BaselinesTest::none,
                BaselinesTest::none,
                1);

        List<ClassPrediction> predictions = new TfIdfLogistic().predict(DEFAULTS, task);

        assertThat(predictions)
                .allSatisfy(
                        prediction -> assertThat(prediction.probabilities()[1]).isZero());
        assertThat(predictions.get(0).probabilities())
                .isEqualTo(predictions.get(1).probabilities());
        assertThat(predictions.get(2).predicted()).isZero();
    }

    @Test
    void keepsTheConsoleQuiet() {
        List<String> messages = new ArrayList<>();
        Handler listener = new Handler() {
            @Override
            public void publish(LogRecord message) {
                messages.add(message.getLoggerName() + ": " + message.getMessage());
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        Logger root = Logger.getLogger("");
        root.addHandler(listener);
        try {
            System.gc(); // would forget a level that nobody holds
            new EmbeddingLogistic().predict(DEFAULTS, clusters(2));
        } finally {
            root.removeHandler(listener);
        }

        assertThat(messages).isEmpty();
    }

    private static Task clusters(int classes) {
        int n = 40;
        int[] labels = IntStream.range(0, n).map(i -> i % classes).toArray();
        Rng rng = Rng.of(4);
        float[][][] vectors = new float[2][n][16];
        for (int part = 0; part < 2; part++) {
            for (int i = 0; i < n; i++) {
                for (int d = 0; d < 16; d++) {
                    double centre = 5 * rng.at("centre").at(labels[i]).gaussian(d);
                    vectors[part][i][d] =
                            (float) (100 + centre + rng.at(part).at(i).gaussian(d));
                }
            }
        }
        List<String> texts = IntStream.range(0, n).mapToObj(i -> "text " + i).toList();
        return new Task(texts, labels, texts, labels, classes, () -> vectors[0], () -> vectors[1], 7);
    }

    private static Task wordNet(int train, int test) {
        DataSet data = new WordNetSupersense()
                .open(new WordNetOptions(train, 0, test), new Surroundings(Path.of("."), resources(), 0));
        return new Task(
                texts(data, "train"),
                labels(data, "train"),
                texts(data, "test"),
                labels(data, "test"),
                data.labels().orElseThrow().size(),
                BaselinesTest::none,
                BaselinesTest::none,
                0);
    }

    private static List<String> texts(DataSet data, String split) {
        return IntStream.range(0, data.size(split))
                .mapToObj(i -> data.get(split, i).fields().get("text"))
                .toList();
    }

    private static int[] labels(DataSet data, String split) {
        List<String> names = data.labels().orElseThrow();
        return IntStream.range(0, data.size(split))
                .map(i -> names.indexOf(data.get(split, i).fields().get("label")))
                .toArray();
    }

    private static float[][] none() {
        throw new AssertionError("embeddings are not needed");
    }

    private static double[][] probabilities(List<ClassPrediction> predictions) {
        return predictions.stream().map(ClassPrediction::probabilities).toArray(double[][]::new);
    }

    private static double accuracy(List<ClassPrediction> predictions) {
        return predictions.stream().filter(p -> p.predicted() == p.gold()).count() / (double) predictions.size();
    }

    private static Path resources() {
        try {
            String url = BaselinesTest.class
                    .getResource("/net/sf/extjwnl/data/wordnet/wn31/data.noun")
                    .getPath(); // file:...jar!/net/...
            return Path.of(new URI(url.substring(0, url.indexOf('!')))).getParent();
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }
}
