package org.attune.models;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.model.Forward;
import org.attune.model.Model;
import org.attune.model.Stage;
import org.attune.model.TokenBatch;
import org.attune.tensor.Tensor;

/** A pass without adapters, which notes the dropouts asked for and the blocks passed. */
public class PlainForward implements Forward {
    private final Map<String, Tensor> weights;
    private final Map<String, String> tied;
    private final TokenBatch batch;
    /** Place to share, in the order asked for. */
    public final Map<String, Double> dropouts = new LinkedHashMap<>();

    public PlainForward(Model model, TokenBatch batch) {
        this(model.weights(), model.tied(), batch);
    }

    PlainForward(Map<String, Tensor> weights, Map<String, String> tied, TokenBatch batch) {
        this.weights = weights;
        this.tied = tied;
        this.batch = batch;
    }

    /** A batch of one segment. */
    public static TokenBatch batch(int[]... sequences) {
        int[] offsets = new int[sequences.length + 1];
        for (int s = 0; s < sequences.length; s++) {
            offsets[s + 1] = offsets[s] + sequences[s].length;
        }
        int[] ids = new int[offsets[sequences.length]];
        for (int s = 0; s < sequences.length; s++) {
            System.arraycopy(sequences[s], 0, ids, offsets[s], sequences[s].length);
        }
        return new TokenBatch(ids, new int[ids.length], offsets, new long[sequences.length]);
    }

    @Override
    public TokenBatch batch() {
        return batch;
    }

    @Override
    public boolean training() {
        return false;
    }

    @Override
    public Tensor weight(String name) {
        Tensor weight = weights.get(tied.getOrDefault(name, name));
        if (weight == null) {
            throw new IllegalArgumentException("no weight " + name);
        }
        return weight;
    }

    @Override
    public Tensor linear(String path, Tensor x) {
        String bias = path + ".bias";
        return x.linear(weight(path + ".weight"), weights.get(tied.getOrDefault(bias, bias)));
    }

    @Override
    public Tensor linearCrossEntropy(String path, Tensor x, int[] labels) {
        return linear(path, x).crossEntropy(labels);
    }

    @Override
    public Tensor rmsNorm(String path, Tensor x, double eps) {
        return x.rmsNorm(weight(path + ".weight"), eps);
    }

    @Override
    public Tensor layerNorm(String path, Tensor x, double eps) {
        return x.layerNorm(weight(path + ".weight"), weight(path + ".bias"), eps);
    }

    @Override
    public Tensor embedding(String path, int[] ids) {
        return weight(path + ".weight").gatherRows(ids);
    }

    @Override
    public Tensor block(String path, Tensor output) {
        return output;
    }

    @Override
    public Tensor dropout(String place, Tensor x, double p) {
        dropouts.put(place, p);
        return x;
    }

    @Override
    public Tensor stages(List<Stage> stages) {
        Tensor x = null;
        for (Stage stage : stages) {
            x = stage.body().apply(x);
        }
        return x;
    }
}
