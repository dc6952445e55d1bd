package org.attune.models.bert;

import org.attune.model.Forward;
import org.attune.models.Modules;
import org.attune.tensor.Tensor;

/**
 * Where an encoder begins: {@code dropout(LayerNorm(word + type + position))}.
 *
 * @param path of the module
 * @param vocabulary rows of the word embedding
 * @param types rows of the token type embedding; 0 where there is none
 * @param positions rows of the position embedding
 * @param padding the id of the token that shorter texts are filled up with
 */
record Embeddings(
        String path, int vocabulary, int types, int positions, int padding, int hidden, double eps, double dropout) {
    void addTo(Modules modules) {
        modules.embedding(words(), vocabulary, hidden);
        if (types > 0) {
            modules.embedding(path + ".token_type_embeddings", types, hidden);
        }
        modules.embedding(path + ".position_embeddings", positions, hidden).layerNorm(path + ".LayerNorm", hidden);
    }

    /** The path of the word embedding. */
    String words() {
        return path + ".word_embeddings";
    }

    /**
     * @param places a row of the position embedding for each token
     * @return [tokens, hidden]
     */
    Tensor apply(Forward forward, int[] places) {
        Tensor sum = forward.embedding(words(), forward.batch().ids());
        if (types > 0) {
            sum = sum.add(forward.embedding(
                    path + ".token_type_embeddings", forward.batch().types()));
        }
        sum = sum.add(forward.embedding(path + ".position_embeddings", places));
        return forward.dropout(path + ".dropout", forward.layerNorm(path + ".LayerNorm", sum, eps), dropout);
    }
}
