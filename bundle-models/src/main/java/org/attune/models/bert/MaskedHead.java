package org.attune.models.bert;

import java.util.HashMap;
import java.util.Map;
import org.attune.model.Forward;
import org.attune.model.LanguageHead;
import org.attune.models.Modules;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.Unary;

/**
 * The head of masked language modelling: {@code decoder(LayerNorm(activation(dense(x))))}, whose last map has the word embedding as
 * its weight, unless the model is untied, and a bias of its own.
 *
 * @param dense path of the first map
 * @param norm path of the normalisation
 * @param path of the last map
 * @param bias path of the module that files keep its bias in
 * @param eps of the normalisation
 */
record MaskedHead(String dense, String norm, String path, String bias, Unary activation, double eps)
        implements LanguageHead {
    /** Adds what a file may lack, as that of a classifier does. */
    void addTo(Modules modules, int hidden, int vocabulary, boolean tied) {
        modules.optional(m -> m.linear(dense, hidden, hidden, true)
                .layerNorm(norm, hidden)
                .head(path, hidden, vocabulary, tied)
                .bias(bias, vocabulary));
    }

    /** See {@link org.attune.model.Model#tied}. */
    Map<String, String> tied(boolean toWords, String words) {
        Map<String, String> names = new HashMap<>();
        if (toWords) {
            names.put(path + ".weight", words + ".weight");
        }
        if (!bias.equals(path)) {
            names.put(path + ".bias", bias + ".bias");
        }
        return Map.copyOf(names);
    }

    private Tensor transformed(Forward forward, Tensor hidden) {
        return forward.layerNorm(norm, forward.linear(dense, hidden).apply(activation), eps);
    }

    @Override
    public Tensor logits(Forward forward, Tensor hidden) {
        return forward.linear(path, transformed(forward, hidden));
    }

    @Override
    public Tensor losses(Forward forward, Tensor hidden, int[] labels) {
        return forward.linearCrossEntropy(path, transformed(forward, hidden), labels);
    }
}
