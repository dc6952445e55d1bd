package org.attune.peft;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.attune.model.AttachPoint;
import org.attune.model.Forward;
import org.attune.model.LinearMap;
import org.attune.model.LinearTransform;
import org.attune.model.Model;
import org.attune.model.OutputTransform;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.osgi.service.component.annotations.Component;

/**
 * Trains the rows of some tokens in the embedding and leaves the others alone: for tokens that are new, or that shall mean something
 * else. Where the vocabulary's head is tied to the embedding, its rows are the same ones. After PEFT's code, which has no paper.
 *
 * <p>The parameter at an embedding {@code PATH} is {@code PATH.trainable_tokens_delta} [tokens, width], as in PEFT: despite its name
 * the rows themselves, which start as the base model's.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "trainable-tokens", description = "the embeddings of chosen tokens alone")
public final class TrainableTokens implements Adapter<TrainableTokensOptions> {
    @Override
    public Class<TrainableTokensOptions> options() {
        return TrainableTokensOptions.class;
    }

    @Override
    public void attach(TrainableTokensOptions options, Attachment on) {
        if (options.tokens().isEmpty()) {
            throw new UserError("trainable-tokens: tokens is empty; name the ids of at least one");
        }
        for (AttachPoint table : tables(options, on)) {
            Tensor base = on.weight(table.path() + ".weight");
            Map<Integer, Integer> rowOf = new TreeMap<>();
            for (int i = 0; i < options.tokens().size(); i++) {
                int token = options.tokens().get(i);
                if (token >= table.in()) {
                    throw new UserError("trainable-tokens: token " + token + " is not among the " + table.in() + " of "
                            + table.path());
                }
                if (rowOf.put(token, i) != null) {
                    throw new UserError("trainable-tokens: token " + token + " is named twice");
                }
            }
            int[] tokens = options.tokens().stream().mapToInt(t -> t).toArray();
            Tensor rows = on.parameter(
                    table.path() + ".trainable_tokens_delta",
                    Shape.of(tokens.length, table.out()),
                    (shape, rng) -> Scope.inference(
                            base.engine(), () -> base.gatherRows(tokens).toDoubles()));
            on.output(table.path(), new Rows(rows, rowOf));
            on.points().stream()
                    .filter(p -> p.kind() == AttachPoint.Kind.LINEAR && on.weight(p.path() + ".weight") == base)
                    .forEach(tied -> on.linear(tied.path(), new Columns(rows, rowOf)));
        }
    }

    /** The embedding of the words comes first in every model. */
    private static List<AttachPoint> tables(TrainableTokensOptions options, Attachment on) {
        return options.targets().isEmpty()
                ? on.points().stream()
                        .filter(p -> p.kind() == AttachPoint.Kind.EMBEDDING)
                        .limit(1)
                        .toList()
                : on.match(AttachPoint.Kind.EMBEDDING, options.targets());
    }

    /** {@code x} with other rows in place of those of the trained tokens. */
    private static Tensor replaced(Tensor x, int[] ids, Tensor rows, Map<Integer, Integer> rowOf) {
        int[] places = IntStream.range(0, ids.length)
                .filter(i -> rowOf.containsKey(ids[i]))
                .toArray();
        if (places.length == 0) {
            return x;
        }
        float[] kept = new float[ids.length];
        for (int i = 0; i < ids.length; i++) {
            kept[i] = rowOf.containsKey(ids[i]) ? 0 : 1;
        }
        int[] from = IntStream.of(places).map(i -> rowOf.get(ids[i])).toArray();
        Tensor others = x.mul(Tensor.of(x.engine(), Shape.of(ids.length, 1), kept));
        return others.add(rows.gatherRows(from).scatterRows(places, ids.length).to(x.dtype()));
    }

    /**
     * At the embedding.
     *
     * @param rows [trained tokens, width]
     * @param rowOf from ids to rows
     */
    private record Rows(Tensor rows, Map<Integer, Integer> rowOf) implements OutputTransform {
        @Override
        public Tensor apply(Forward forward, Tensor output) {
            return replaced(output, forward.batch().ids(), rows, rowOf);
        }

        @Override
        public Optional<Tensor> merged(Tensor table) {
            int[] all = IntStream.range(0, table.shape().dim(0)).toArray();
            return Optional.of(Scope.withoutGradient(() -> replaced(table, all, rows, rowOf)));
        }
    }

    /** At a head whose weight is the embedding. */
    private record Columns(Tensor rows, Map<Integer, Integer> rowOf) implements LinearTransform {
        @Override
        public Tensor apply(Forward forward, Tensor x, UnaryOperator<Tensor> inner) {
            Tensor logits = inner.apply(x);
            int vocabulary = logits.shape().dim(-1);
            float[] kept = new float[vocabulary];
            Arrays.fill(kept, 1);
            int[] tokens = new int[rowOf.size()];
            rowOf.forEach((token, row) -> {
                kept[token] = 0;
                tokens[row] = token;
            });
            Tensor own = x.linear(rows, null).transpose().scatterRows(tokens, vocabulary);
            return logits.mul(Tensor.of(x.engine(), Shape.of(vocabulary), kept)).add(own.transpose());
        }

        @Override
        public Optional<LinearMap> merged(LinearMap inner) {
            return new Rows(rows, rowOf).merged(inner.weight()).map(table -> new LinearMap(table, inner.bias()));
        }
    }

    @Override
    public Optional<PeftFormat<TrainableTokensOptions>> peft() {
        return Optional.of(new Format());
    }

    private static final class Format implements PeftFormat<TrainableTokensOptions> {
        @Override
        public String type() {
            return "TRAINABLE_TOKENS";
        }

        @Override
        public Map<String, Object> write(TrainableTokensOptions options, Model model) {
            Map<String, Object> config = new LinkedHashMap<>();
            config.put("token_indices", options.tokens());
            config.put("target_modules", options.targets().isEmpty() ? null : options.targets());
            config.put("init_weights", true);
            return config;
        }

        @Override
        public TrainableTokensOptions read(Map<String, Object> fields) {
            PeftConfig config = new PeftConfig("trainable-tokens", fields);
            config.refuseAllBut(Set.of("token_indices", "init_weights"));
            if (!config.selection().equals(Selection.ALL)) {
                throw config.unsupported("modules_to_save, exclude_modules or layers");
            }
            return new TrainableTokensOptions(config.wholes("token_indices"), config.list("target_modules"));
        }
    }
}
