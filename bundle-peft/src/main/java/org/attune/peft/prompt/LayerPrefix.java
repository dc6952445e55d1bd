package org.attune.peft.prompt;

import java.util.List;
import org.attune.model.AttachPoint;
import org.attune.model.AttentionPrefix;
import org.attune.model.Forward;
import org.attune.plugin.UserError;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter.Attachment;

/**
 * A layer's part of a prefix.
 *
 * @param layer its number among the attentions
 * @param width of its keys, as of its values
 */
record LayerPrefix(PrefixMatrix matrix, int length, int layer, int width) implements AttentionPrefix {
    /**
     * The attentions of a model, in forward order.
     *
     * @throws UserError if there are none, or their keys are not equally wide
     */
    static List<AttachPoint> layers(String method, List<AttachPoint> points) {
        List<AttachPoint> layers = points.stream()
                .filter(point -> point.kind() == AttachPoint.Kind.ATTENTION)
                .toList();
        if (layers.isEmpty()
                || layers.stream().mapToInt(LayerPrefix::width).distinct().count() > 1) {
            throw new UserError(method + ": the model's attentions, " + layers.size()
                    + ", are no layers with keys of one width, which a prefix needs");
        }
        return layers;
    }

    static int width(AttachPoint attention) {
        return attention.in() * attention.out();
    }

    /** Puts the parts of a matrix before the keys and values of all layers. */
    static void attach(PrefixMatrix matrix, int length, List<AttachPoint> layers, Attachment on) {
        for (int i = 0; i < layers.size(); i++) {
            AttachPoint layer = layers.get(i);
            on.attention(layer.path(), new LayerPrefix(matrix, length, i, width(layer)));
        }
    }

    @Override
    public KeysAndValues of(Forward forward, Tensor x) {
        Tensor both = matrix.columns(2 * layer * width, 2 * (layer + 1) * width);
        return new KeysAndValues(both.slice(1, 0, width), both.slice(1, width, 2 * width));
    }
}
