package org.attune.generation;

import java.util.List;
import org.attune.plugin.UserError;

/**
 * How tokens are chosen. Where several restrictions are given they act in this order, as in Hugging Face transformers: repetition
 * penalty, temperature, top-k, top-p, min-p.
 *
 * @param maxNewTokens at most so many tokens are generated, from 1
 * @param sampling from which distribution
 * @param beams of beam search
 * @param repetitionPenalty logits of tokens that stand in the prompt or were generated are divided by it where positive, else
 *     multiplied (Keskar et al. 2019, arXiv 1909.05858); 1 for none
 * @param stop texts that end the generation where they appear; they are not part of the result
 * @param seed of the random numbers; each depends on it, on the prompt's place in the call and on the token's place in the text, and
 *     not on the other prompts
 */
public record Decoding(
        int maxNewTokens, Sampling sampling, Beams beams, double repetitionPenalty, List<String> stop, long seed) {
    /**
     * The distribution that tokens are drawn from.
     *
     * @param temperature the logits are divided by it; 0 takes the likeliest token always
     * @param topK only the so many likeliest tokens, with all that tie with the last of them; 0 for all
     * @param topP only the fewest likeliest tokens whose probabilities reach this sum (Holtzman et al. 2020, arXiv 1904.09751), in
     *     (0, 1]; 1 for all
     * @param minP only tokens with at least this part of the likeliest one's probability (Nguyen et al. 2024, arXiv 2407.01082), in
     *     [0, 1]; 0 for all
     */
    public record Sampling(double temperature, int topK, double topP, double minP) {
        /** The likeliest token each time. */
        public static final Sampling GREEDY = new Sampling(0, 0, 1, 0);

        /** @throws UserError if a value is out of its range */
        public Sampling {
            check(temperature >= 0 && temperature < 1e6, "temperature is " + temperature + ", expected 0 or more");
            check(topK >= 0, "top-k is " + topK + ", expected 1 or more, or 0 for no limit");
            check(topP > 0 && topP <= 1, "top-p is " + topP + ", expected more than 0 and at most 1");
            check(minP >= 0 && minP <= 1, "min-p is " + minP + ", expected a number from 0 to 1");
        }
    }

    /**
     * Beam search.
     *
     * @param count how many continuations are kept; 1 for no beam search
     * @param lengthPenalty a beam's score is its log-probability divided by its length to this power
     * @param patience when the search ends
     */
    public record Beams(int count, double lengthPenalty, Patience patience) {
        public static final Beams NONE = new Beams(1, 1, Patience.LIKELY);

        /** @throws UserError if a value is out of its range */
        public Beams {
            check(count >= 1 && count <= 1024, "beams is " + count + ", expected a number from 1 to 1024");
            check(Double.isFinite(lengthPenalty), "length penalty is " + lengthPenalty + ", expected a number");
        }
    }

    /** When beam search ends; beside each, transformers' value of {@code early_stopping}. */
    public enum Patience {
        /** As soon as there are as many finished beams as are kept: {@code true}. */
        FIRST,
        /** When the best open beam, judged by its present length, cannot beat the worst finished one: {@code false}. */
        LIKELY,
        /** When it cannot at any length: {@code "never"}. */
        CERTAIN
    }

    /** @throws UserError if a value is out of its range, or beams are to be sampled */
    public Decoding {
        check(maxNewTokens >= 1, "the number of new tokens is " + maxNewTokens + ", expected 1 or more");
        check(
                repetitionPenalty > 0 && repetitionPenalty < 1e6,
                "repetition penalty is " + repetitionPenalty + ", expected more than 0");
        check(
                beams.count() == 1 || sampling.temperature() == 0,
                "beams are not sampled: set the temperature to 0, or beams to 1");
        check(stop.stream().noneMatch(String::isEmpty), "a stop text is empty");
        stop = List.copyOf(stop);
    }

    private static void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new UserError(otherwise);
        }
    }

    /** The likeliest token each time. */
    public static Decoding greedy(int maxNewTokens) {
        return new Decoding(maxNewTokens, Sampling.GREEDY, Beams.NONE, 1, List.of(), 0);
    }
}
