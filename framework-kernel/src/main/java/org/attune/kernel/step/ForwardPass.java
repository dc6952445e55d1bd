package org.attune.kernel.step;

import java.util.function.UnaryOperator;
import org.attune.model.Forward;
import org.attune.model.LinearTransform;
import org.attune.model.Model;
import org.attune.model.OutputTransform;
import org.attune.model.TokenBatch;
import org.attune.tensor.Rng;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;

/** One pass over one micro-batch: looks up weights, and lets the wiring's adapters act. */
final class ForwardPass implements Forward {
    private final Model model;
    private final ParameterStore parameters;
    private final Wiring wiring;
    private final TokenBatch batch;
    private final Rng dropout;

    /** @param dropout the step's stream of random numbers; null where nothing is trained */
    ForwardPass(Model model, ParameterStore parameters, Wiring wiring, TokenBatch batch, Rng dropout) {
        this.model = model;
        this.parameters = parameters;
        this.wiring = wiring;
        this.batch = batch;
        this.dropout = dropout;
    }

    @Override
    public TokenBatch batch() {
        return batch;
    }

    @Override
    public boolean training() {
        return dropout != null;
    }

    @Override
    public Tensor weight(String name) {
        Tensor t = find(name);
        if (t == null) {
            throw new IllegalArgumentException("the model has no weight " + name);
        }
        return t;
    }

    private Tensor find(String name) {
        return parameters.find(name).orElseGet(() -> model.weights().get(name));
    }

    @Override
    public Tensor linear(String path, Tensor x) {
        Tensor weight = weight(path + ".weight");
        Tensor bias = find(path + ".bias");
        UnaryOperator<Tensor> map = in -> in.linear(weight, bias);
        for (LinearTransform transform : wiring.linear(path)) {
            UnaryOperator<Tensor> inner = map;
            map = in -> transform.apply(this, in, inner);
        }
        return block(path, map.apply(x));
    }

    @Override
    public Tensor layerNorm(String path, Tensor x, double eps) {
        return block(path, x.layerNorm(weight(path + ".weight"), weight(path + ".bias"), eps));
    }

    @Override
    public Tensor embedding(String path, int[] ids) {
        return block(path, weight(path + ".weight").gatherRows(ids));
    }

    @Override
    public Tensor block(String path, Tensor output) {
        Tensor y = output;
        for (OutputTransform transform : wiring.outputs(path)) {
            y = transform.apply(this, y);
        }
        return y;
    }

    @Override
    public Tensor dropout(String place, Tensor x, double p) {
        if (p == 0 || dropout == null) {
            return x;
        }
        int rows = x.shape().dim(0);
        int width = x.shape().dim(-1);
        if (!(p > 0 && p < 1)) {
            throw new IllegalArgumentException("dropout at " + place + ": p is " + p + "; it must be in [0, 1)");
        }
        if (rows != batch.tokens() && rows != batch.sequences()) {
            throw new IllegalArgumentException("dropout at " + place + ": " + rows + " rows are neither one a token ("
                    + batch.tokens() + ") nor one a sequence (" + batch.sequences() + ")");
        }
        float kept = (float) (1 / (1 - p));
        float[] mask = new float[rows * width];
        boolean byToken = rows == batch.tokens();
        Rng here = dropout.at(place);
        for (int s = 0; s < batch.sequences(); s++) {
            Rng example = here.at(batch.examples()[s]);
            int from = byToken ? batch.offsets()[s] : s;
            int to = byToken ? batch.offsets()[s + 1] : s + 1;
            for (int i = from * width; i < to * width; i++) {
                mask[i] = example.uniform(i - (long) from * width) < p ? 0 : kept;
            }
        }
        return x.mul(Tensor.of(x.engine(), Shape.of(x.shape().dims()), mask));
    }
}
