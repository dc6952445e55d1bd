package org.attune.peft;

import java.util.List;
import org.attune.plugin.Option;

/**
 * What {@link TrainableTokens} may be told.
 *
 * @param tokens the ids whose rows are trained
 * @param targets the embeddings that they are rows of
 */
public record TrainableTokensOptions(
        @Option(value = "ids of the tokens whose rows are trained", min = 0)
        List<Integer> tokens,

        @Option(value = "embeddings that have these rows: path suffixes; empty for that of the words", defaults = "[]")
        List<String> targets) {}
