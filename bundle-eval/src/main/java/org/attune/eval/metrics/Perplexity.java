package org.attune.eval.metrics;

import java.util.List;
import org.attune.evaluation.Metric;
import org.attune.evaluation.Prediction;
import org.attune.evaluation.Score;
import org.attune.evaluation.TextLikelihood;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.NoOptions;
import org.osgi.service.component.annotations.Component;

/**
 * How well a language model predicts a set of texts as a whole: {@code perplexity = exp(-L / tokens)} and
 * {@code bits_per_byte = -L / (bytes ln 2)}, with L the sum of the texts' log-likelihoods in nats. Perplexity compares models of one
 * tokenizer, bits per byte any two. NaN where nothing was predicted.
 */
@Component(service = Metric.class)
@AttunePlugin(
        name = "perplexity",
        description = "perplexity by token and bits per byte of texts under a language model")
public final class Perplexity implements Metric<NoOptions> {
    @Override
    public Class<NoOptions> options() {
        return NoOptions.class;
    }

    @Override
    public Class<? extends Prediction> reads() {
        return TextLikelihood.class;
    }

    @Override
    public Accumulator open(NoOptions options, List<String> labels) {
        return new Sum();
    }

    private static final class Sum implements Accumulator {
        private double logLikelihood;
        private long tokens;
        private long bytes;

        @Override
        public void add(Prediction prediction) {
            TextLikelihood text = (TextLikelihood) prediction;
            logLikelihood += text.logLikelihood();
            tokens += text.tokens();
            bytes += text.bytes();
        }

        @Override
        public void merge(Accumulator other) {
            Sum that = (Sum) other;
            logLikelihood += that.logLikelihood;
            tokens += that.tokens;
            bytes += that.bytes;
        }

        @Override
        public List<Score> scores() {
            return List.of(
                    new Score("perplexity", Math.exp(-logLikelihood / tokens), Score.Direction.DOWN),
                    new Score("bits_per_byte", -logLikelihood / (bytes * Math.log(2)), Score.Direction.DOWN));
        }
    }
}
