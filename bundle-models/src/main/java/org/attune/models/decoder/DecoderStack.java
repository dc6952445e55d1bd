package org.attune.models.decoder;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.UnaryOperator;
import org.attune.model.Forward;
import org.attune.model.Stage;
import org.attune.model.TokenBatch;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;

/**
 * What the computation of every decoder has in common: layers one after another and a norm at the end. Where only some tokens'
 * states are wanted, the last layer is computed for each sequence from its first wanted token on: the queries of causal attention
 * are a sequence's last tokens.
 *
 * @param layers their paths
 * @param norm the path of the norm
 */
record DecoderStack(List<String> layers, String norm) {
    /**
     * The tokens that a layer computes.
     *
     * @param rows of the batch, null for all
     * @param attention what they attend to
     */
    record Queries(int[] rows, AttentionLayout attention) {
        /** Their rows among those of all tokens. */
        Tensor of(Tensor x) {
            return rows == null ? x : x.gatherRows(rows);
        }
    }

    /** One layer, by its number, from the hidden states of all tokens to those of the queries. */
    @FunctionalInterface
    interface Layer {
        Tensor apply(int layer, Tensor x, Queries queries);
    }

    /**
     * The last hidden states of {@code rows}, null for all.
     *
     * @param embedding the stages before the first layer
     * @param attention of all tokens to each other, by layer
     */
    Tensor run(
            Forward forward,
            int[] rows,
            List<Stage> embedding,
            IntFunction<AttentionLayout> attention,
            Layer layer,
            UnaryOperator<Tensor> finish) {
        List<Stage> stages = new ArrayList<>(embedding);
        int last = layers.size() - 1;
        for (int i = 0; i < last; i++) {
            int number = i;
            Queries all = new Queries(null, attention.apply(i));
            stages.add(Stage.of(layers.get(i), x -> layer.apply(number, x, all)));
        }
        TokenBatch batch = forward.batch();
        int[] computed = rows == null ? null : ends(batch, rows);
        AttentionLayout attentionOfLast = attention.apply(last);
        Queries queries = computed == null || computed.length == batch.tokens()
                ? new Queries(null, attentionOfLast)
                : new Queries(computed, attentionOfLast.withQueries(batch.offsetsOf(computed)));
        stages.add(new Stage(layers.get(last), queries.rows(), x -> layer.apply(last, x, queries)));
        stages.add(new Stage(norm, queries.rows(), finish));
        Tensor states = forward.stages(stages);
        return rows == null || rows.length == computed.length ? states : states.gatherRows(places(rows, computed));
    }

    /** The tokens of each sequence from its first among {@code rows} on. */
    private static int[] ends(TokenBatch batch, int[] rows) {
        int[] ends = new int[batch.tokens()];
        int n = 0;
        int i = 0;
        for (int s = 0; s < batch.sequences(); s++) {
            int end = batch.offsets()[s + 1];
            if (i < rows.length && rows[i] < end) {
                for (int token = rows[i]; token < end; token++) {
                    ends[n++] = token;
                }
            }
            while (i < rows.length && rows[i] < end) {
                i++;
            }
        }
        return Arrays.copyOf(ends, n);
    }

    /** Where each of {@code rows} stands in {@code among}; both ascend. */
    private static int[] places(int[] rows, int[] among) {
        int[] places = new int[rows.length];
        int at = 0;
        for (int i = 0; i < rows.length; i++) {
            while (among[at] != rows[i]) {
                at++;
            }
            places[i] = at;
        }
        return places;
    }
}
