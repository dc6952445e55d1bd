package org.attune.eval.baselines;

import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.attune.evaluation.Baseline;
import org.attune.evaluation.ClassPrediction;
import org.attune.plugin.AttunePlugin;
import org.osgi.service.component.annotations.Component;
import org.tribuo.Feature;

/** Logistic regression on the frozen model's embeddings: what the model knows before any fine-tuning. */
@Component(service = Baseline.class)
@AttunePlugin(name = "embedding-logistic", description = "logistic regression on the frozen model's embeddings")
public final class EmbeddingLogistic implements Baseline<LogisticOptions> {
    @Override
    public Class<LogisticOptions> options() {
        return LogisticOptions.class;
    }

    @Override
    public List<ClassPrediction> predict(LogisticOptions options, Task task) {
        float[][] train = task.trainEmbeddings().get();
        Scale scale = Scale.of(train);
        return LogisticRegression.predict(
                options,
                task,
                scale.features(train),
                scale.features(task.testEmbeddings().get()));
    }

    /**
     * Brings each dimension to mean 0 and variance 1 / dimensions, so that a text's vector is about 1 long: one learning rate
     * then serves every model, and TF-IDF as well.
     */
    private record Scale(double[] mean, double[] factor) {
        static Scale of(float[][] vectors) {
            int dimensions = vectors[0].length;
            double[] mean = new double[dimensions];
            double[] factor = new double[dimensions];
            for (int d = 0; d < dimensions; d++) {
                int dimension = d;
                mean[d] = mean(vectors, v -> v[dimension]);
                double m = mean[d];
                double variance = mean(vectors, v -> (v[dimension] - m) * (v[dimension] - m));
                factor[d] = variance == 0 ? 0 : 1 / Math.sqrt(variance * dimensions);
            }
            return new Scale(mean, factor);
        }

        private static double mean(float[][] vectors, ToDoubleFunction<float[]> value) {
            double sum = 0;
            for (float[] vector : vectors) {
                sum += value.applyAsDouble(vector);
            }
            return sum / vectors.length;
        }

        List<List<Feature>> features(float[][] vectors) {
            List<String> names =
                    IntStream.range(0, mean.length).mapToObj(Integer::toString).toList();
            List<List<Feature>> all = new ArrayList<>();
            for (float[] vector : vectors) {
                List<Feature> features = new ArrayList<>();
                for (int d = 0; d < vector.length; d++) {
                    features.add(new Feature(names.get(d), (vector[d] - mean[d]) * factor[d]));
                }
                all.add(features);
            }
            return all;
        }
    }
}
