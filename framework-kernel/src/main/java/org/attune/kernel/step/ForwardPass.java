package org.attune.kernel.step;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.attune.model.AttentionPrefix.KeysAndValues;
import org.attune.model.Forward;
import org.attune.model.LinearTransform;
import org.attune.model.Model;
import org.attune.model.OutputTransform;
import org.attune.model.Residual;
import org.attune.model.ResidualTransform;
import org.attune.model.Stage;
import org.attune.model.TokenBatch;
import org.attune.tensor.DType;
import org.attune.tensor.Rng;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;

/** One pass over one micro-batch: looks up weights, and lets the wiring's adapters act. */
public class ForwardPass implements Forward {
    private final Model model;
    private final ParameterStore parameters;
    private final Wiring wiring;
    private final TokenBatch batch;
    private final Rng dropout;
    private final StepSettings settings;
    private final PrefixCache.Split kept;
    /** The one that is being computed; null outside of stages. */
    private Stage stage;
    /** Whether the stage that is being computed has no dropout. */
    private boolean calm;

    /**
     * @param dropout the step's stream of random numbers; null where nothing is trained
     * @param kept results of frozen stages; null for none
     */
    protected ForwardPass(
            Model model,
            ParameterStore parameters,
            Wiring wiring,
            StepSettings settings,
            TokenBatch batch,
            Rng dropout,
            PrefixCache.Split kept) {
        this.model = model;
        this.parameters = parameters;
        this.wiring = wiring;
        this.batch = batch;
        this.dropout = dropout;
        this.settings = settings;
        this.kept = kept;
    }

    @Override
    public TokenBatch batch() {
        return batch;
    }

    @Override
    public int[] positions() {
        int[] positions = batch.positions();
        for (int i = 0; wiring.shift() > 0 && i < positions.length; i++) {
            positions[i] += wiring.shift();
        }
        return positions;
    }

    @Override
    public boolean wholeSequences() {
        return wiring.wholeSequences();
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

    /** A weight by its name; null if there is none. */
    Tensor find(String name) {
        String own = model.tied().getOrDefault(name, name);
        return parameters.find(own).orElseGet(() -> model.weights().get(own));
    }

    @Override
    public Tensor stages(List<Stage> stages) {
        Tensor x = kept == null ? null : kept.find(stages, batch);
        boolean frozen = true;
        for (Stage next : x == null ? stages : stages.subList(kept.stages(), stages.size())) {
            frozen = frozen && frozen(next.path());
            x = run(next, x, settings.checkpointing() && !frozen);
        }
        return x;
    }

    /** Whether nothing is trained and no adapter acts in a module. */
    final boolean frozen(String path) {
        return !parameters.trains(path) && !wiring.touches(path);
    }

    /** @param again compute the stage a second time for the gradient, rather than keep what lies inside */
    final Tensor run(Stage next, Tensor x, boolean again) {
        boolean still = wiring.withoutDropout() && frozen(next.path());
        UnaryOperator<Tensor> body = in -> {
            stage = next; // set anew where backward comes back to it
            calm = still;
            Tensor y = next.body().apply(in);
            stage = null;
            calm = false;
            return y;
        };
        return again && x != null ? x.checkpoint(body) : Scope.frame(() -> body.apply(x));
    }

    @Override
    public Tensor linear(String path, Tensor x) {
        Tensor weight = weight(path + ".weight");
        Tensor bias = find(path + ".bias");
        UnaryOperator<Tensor> map = in -> product(in, weight, bias);
        for (LinearTransform transform : wiring.linear(path)) {
            UnaryOperator<Tensor> inner = map;
            map = in -> transform.apply(this, in, inner);
        }
        // An adapter in the engine's type gives that type, and must not widen all that follows.
        return block(path, map.apply(x).to(DType.narrower(x.dtype(), weight.dtype())));
    }

    /** The linear map itself: {@code x weight^T + bias}. */
    protected Tensor product(Tensor x, Tensor weight, Tensor bias) {
        return x.linear(weight, bias);
    }

    @Override
    public Tensor linearCrossEntropy(String path, Tensor x, int[] labels) {
        boolean plain = wiring.linear(path).isEmpty() && wiring.outputs(path).isEmpty() && find(path + ".bias") == null;
        return plain
                ? x.linearCrossEntropy(weight(path + ".weight"), labels)
                : linear(path, x).crossEntropy(labels);
    }

    @Override
    public Tensor layerNorm(String path, Tensor x, double eps) {
        return block(path, x.layerNorm(weight(path + ".weight"), weight(path + ".bias"), eps));
    }

    @Override
    public Tensor rmsNorm(String path, Tensor x, double eps) {
        return block(path, x.rmsNorm(weight(path + ".weight"), eps));
    }

    @Override
    public Tensor embedding(String path, int[] ids) {
        Tensor table = weight(path + ".weight");
        Tensor rows = IntStream.of(ids).anyMatch(id -> id < 0) ? withVirtual(table, ids) : table.gatherRows(ids);
        return block(path, settings.precision().map(rows::to).orElse(rows));
    }

    @Override
    public Tensor residual(String path, Tensor x, Tensor z, UnaryOperator<Tensor> norm) {
        Tensor sum = x.add(z);
        List<ResidualTransform> transforms = wiring.residuals(path);
        if (transforms.isEmpty()) {
            return sum;
        }
        Residual at = new Residual(x, z, sum, norm);
        Tensor y = sum;
        for (ResidualTransform transform : transforms) {
            y = y.add(transform.apply(this, at));
        }
        return y.to(sum.dtype());
    }

    @Override
    public Tensor attention(String path, Tensor x, Tensor q, Tensor k, Tensor v, AttentionLayout layout) {
        if (batch.padded()) {
            int[] text = batch.textTokens();
            AttentionLayout seen = layout.withKeys(batch.offsetsOf(text));
            return prefixed(path, x, q, k.gatherRows(text), v.gatherRows(text), seen);
        }
        return prefixed(path, x, q, k, v, layout);
    }

    private Tensor prefixed(String path, Tensor x, Tensor q, Tensor k, Tensor v, AttentionLayout layout) {
        List<KeysAndValues> prefixes = prefixes(path, x);
        return prefixes.isEmpty()
                ? q.attention(k, v, layout)
                : PrefixedKeys.attention(wiring.prefixes(path), prefixes, q, k, v, layout);
    }

    private Tensor withVirtual(Tensor table, int[] ids) {
        List<Tensor> parts = new ArrayList<>();
        wiring.prompts().forEach(prompt -> parts.add(prompt.rows(this)));
        int virtual = parts.stream().mapToInt(part -> part.shape().dim(0)).sum();
        int[] real = IntStream.of(ids).filter(id -> id >= 0).toArray();
        if (real.length > 0) {
            parts.add(table.gatherRows(real));
        }
        int[] order = new int[ids.length];
        int next = virtual;
        for (int i = 0; i < ids.length; i++) {
            order[i] = ids[i] < 0 ? -1 - ids[i] : next++;
        }
        return Tensor.concat(0, parts).gatherRows(order);
    }

    /** What adapters put before the keys and values of each sequence, in this order. */
    protected final List<KeysAndValues> prefixes(String path, Tensor x) {
        return wiring.prefixes(path).stream().map(prefix -> prefix.of(this, x)).toList();
    }

    /** How many rows {@link #prefixes} have together. */
    protected final int prefixLength(String path) {
        return wiring.prefixLength(path);
    }

    @Override
    public Tensor block(String path, Tensor output) {
        Tensor y = output;
        for (OutputTransform transform : wiring.outputs(path)) {
            y = transform.apply(this, y);
        }
        return y.to(output.dtype());
    }

    @Override
    public Tensor dropout(String place, Tensor x, double p) {
        if (!drops(p)) {
            return x;
        }
        int rows = x.shape().dim(0);
        int width = x.shape().dim(-1);
        if (!(p > 0 && p < 1)) {
            throw new IllegalArgumentException("dropout at " + place + ": p is " + p + "; it must be in [0, 1)");
        }
        int[] tokens = tokensOf(place, rows);
        float kept = (float) (1 / (1 - p));
        float[] mask = new float[rows * width];
        Rng here = dropout.at(place);
        int s = 0;
        Rng example = here.at(batch.examples()[0]);
        for (int row = 0; row < rows; row++) {
            while (tokens[row] >= batch.offsets()[s + 1]) {
                s++;
                example = here.at(batch.examples()[s]);
            }
            long position = (long) tokens[row] - batch.offsets()[s];
            for (int i = 0; i < width; i++) {
                mask[row * width + i] = example.uniform(position * width + i) < p ? 0 : kept;
            }
        }
        return x.mul(Tensor.of(x.engine(), Shape.of(x.shape().dims()), mask)).to(x.dtype());
    }

    /** Whether a dropout of probability {@code p} acts here. */
    final boolean drops(double p) {
        return p != 0 && dropout != null && !calm;
    }

    /** The token that each row belongs to: all, the stage's own, or the first of each sequence. */
    private int[] tokensOf(String place, int rows) {
        if (rows == batch.tokens()) {
            return IntStream.range(0, rows).toArray();
        }
        if (stage != null && stage.rows() != null && rows == stage.rows().length) {
            return stage.rows();
        }
        if (rows == batch.sequences()) {
            return batch.firstTokens();
        }
        throw new IllegalArgumentException("dropout at " + place + ": " + rows + " rows are neither one a token ("
                + batch.tokens() + ") nor one a sequence (" + batch.sequences() + ")");
    }
}
