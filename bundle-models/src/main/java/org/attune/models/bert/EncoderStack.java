package org.attune.models.bert;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.attune.model.Forward;
import org.attune.model.Stage;
import org.attune.model.TokenBatch;
import org.attune.models.Modules;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;

/**
 * An encoder: embeddings, then layers whose tokens see all of their sequence. Where only some tokens' states are wanted, the last
 * layer is computed for those alone.
 *
 * @param layers their paths
 */
record EncoderStack(Embeddings embeddings, List<String> layers, EncoderLayer layer) {
    /** @param layers the path of the list of layers */
    static EncoderStack of(Embeddings embeddings, String layers, int count, EncoderLayer layer) {
        return new EncoderStack(
                embeddings,
                IntStream.range(0, count).mapToObj(i -> layers + "." + i).toList(),
                layer);
    }

    void addTo(Modules modules) {
        embeddings.addTo(modules);
        layers.forEach(path -> layer.addTo(modules, path));
    }

    /**
     * The last hidden states of {@code rows}, null for all.
     *
     * @param positions which row of the position embedding each token takes
     */
    Tensor run(Forward forward, int[] rows, int[] positions) {
        TokenBatch batch = forward.batch();
        AttentionLayout attention =
                AttentionLayout.self(batch.offsets(), layer.heads(), layer.hidden() / layer.heads(), false);
        List<Stage> stages = new ArrayList<>();
        stages.add(Stage.of(embeddings.path(), none -> embeddings.apply(forward, positions)));
        String last = layers.get(layers.size() - 1);
        for (String path : layers.subList(0, layers.size() - 1)) {
            stages.add(Stage.of(path, x -> layer.apply(forward, path, x, x, attention)));
        }
        stages.add(
                rows == null
                        ? Stage.of(last, x -> layer.apply(forward, last, x, x, attention))
                        : new Stage(last, rows, x -> {
                            AttentionLayout some = attention.withQueries(batch.offsetsOf(rows));
                            return layer.apply(forward, last, x, x.gatherRows(rows), some);
                        }));
        return forward.stages(stages);
    }
}
