package org.attune.kernel.fake;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.IntUnaryOperator;
import org.attune.evaluation.ClassPrediction;
import org.attune.evaluation.Metric;
import org.attune.evaluation.Prediction;
import org.attune.evaluation.Score;
import org.attune.plugin.NoOptions;
import org.attune.tensor.Rng;
import org.attune.tensor.Tensor;
import org.attune.training.Regularizer;
import org.attune.training.Sampler;

/** The smaller plug-ins of the tests. */
public final class Fakes {
    private Fakes() {}

    /** A random order that differs by epoch, each index then changed by {@code change}. */
    public record Shuffle(IntUnaryOperator change) implements Sampler<NoOptions> {
        @Override
        public Class<NoOptions> options() {
            return NoOptions.class;
        }

        @Override
        public int[] epoch(NoOptions options, int size, int epoch, long seed) {
            int[] order = Rng.of(seed).at(epoch).permutation(size);
            for (int i = 0; i < size; i++) {
                order[i] = change.applyAsInt(order[i]);
            }
            return order;
        }
    }

    /** 0.01 times the distance from the start, squared; and a tenth more of the head's bias gradient. */
    public static final class Pull implements Regularizer<NoOptions> {
        @Override
        public Class<NoOptions> options() {
            return NoOptions.class;
        }

        @Override
        public Penalty open(NoOptions options, Setup setup) {
            List<String> names = setup.names();
            names.forEach(setup::start);
            return new Penalty() {
                @Override
                public Optional<Tensor> loss() {
                    return names.stream()
                            .map(n -> setup.parameter(n)
                                    .sub(setup.start(n))
                                    .square()
                                    .sum())
                            .reduce(Tensor::add)
                            .map(t -> t.mul(0.01));
                }

                @Override
                public void gradients(GradientView gradients) {
                    double[] g = gradients.of("classifier.bias").toDoubles();
                    for (int i = 0; i < g.length; i++) {
                        g[i] *= 1.1;
                    }
                    gradients.of("classifier.bias").set(g);
                }
            };
        }
    }

    /** The mean probability of the right class; or, while there are some, the values of a script. */
    public static class Right implements Metric<NoOptions> {
        private final Deque<Double> script = new ArrayDeque<>();

        /** @param values what the next evaluations give */
        public Right script(double... values) {
            for (double v : values) {
                script.add(v);
            }
            return this;
        }

        @Override
        public Class<NoOptions> options() {
            return NoOptions.class;
        }

        @Override
        public Accumulator open(NoOptions options, List<String> labels) {
            return new Accumulator() {
                private double sum;
                private int count;

                @Override
                public void add(Prediction prediction) {
                    ClassPrediction of = (ClassPrediction) prediction;
                    sum += of.probabilities()[of.gold()];
                    count++;
                }

                @Override
                public void merge(Accumulator other) {
                    throw new UnsupportedOperationException();
                }

                @Override
                public List<Score> scores() {
                    double value = script.isEmpty() ? sum / count : script.pop();
                    return List.of(new Score("right", value, Score.Direction.UP));
                }
            };
        }
    }
}
