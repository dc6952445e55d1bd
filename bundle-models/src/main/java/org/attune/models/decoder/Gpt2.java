package org.attune.models.decoder;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.attune.model.Forward;
import org.attune.model.LanguageHead;
import org.attune.model.LinearNames;
import org.attune.model.Stage;
import org.attune.model.TokenBatch;
import org.attune.models.Activations;
import org.attune.models.Architecture;
import org.attune.models.Family;
import org.attune.models.ModelConfig;
import org.attune.models.Modules;
import org.attune.models.decoder.DecoderStack.Queries;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.Unary;

/**
 * GPT-2 (Radford et al. 2019): learned positions, layer normalisation before each half, query, key and value from one linear map:
 *
 * <pre>{@code
 * h = x + dropout(c_proj(attention(c_attn(LayerNorm(x)))))
 * y = h + dropout(c_proj(gelu(c_fc(LayerNorm(h)))))
 * }</pre>
 *
 * Names and numbers are those of Hugging Face's {@code GPT2LMHeadModel} and {@code GPT2ForSequenceClassification}, whose files
 * hold the layers' matrices transposed. In training, {@code attn_pdrop} is not applied.
 */
public final class Gpt2 implements Architecture {
    private static final String TOKENS = "transformer.wte";
    private static final String POSITIONS = "transformer.wpe";
    private static final String NORM = "transformer.ln_f";
    private static final String HEAD = "lm_head";
    /** The parts of a bare model, whose files have no prefix. */
    private static final Pattern BARE = Pattern.compile("(wte|wpe|h|ln_f)\\..*");
    /** Buffers of older versions: masks. */
    private static final Pattern HARMLESS = Pattern.compile("transformer\\.h\\.\\d+\\.attn\\.(masked_)?bias");

    private final int vocabulary;
    private final int hidden;
    private final int heads;
    private final int inner;
    private final int positions;
    private final double eps;
    private final double scale;
    private final Unary activation;
    private final double embeddingDropout;
    private final double residualDropout;
    private final boolean tied;
    private final DecoderStack stack;
    private final Modules modules;

    private Gpt2(ModelConfig config) {
        config.refuse("add_cross_attention", null);
        config.refuse("scale_attn_by_inverse_layer_idx", null);
        config.refuse("quantization_config", null);
        config.warnOfDropout("attn_pdrop", "attention probabilities");
        vocabulary = config.size("vocab_size");
        hidden = config.size("n_embd");
        heads = config.size("n_head");
        inner = config.size("n_inner", 4 * hidden);
        positions = config.size("n_positions");
        eps = config.number("layer_norm_epsilon", 0, 1);
        activation = Activations.of(config, "activation_function");
        embeddingDropout = config.number("embd_pdrop", 0, 1);
        residualDropout = config.number("resid_pdrop", 0, 1);
        tied = config.flag("tie_word_embeddings", true);
        if (hidden % heads != 0) {
            throw config.invalid("n_head", "a divisor of n_embd, " + hidden);
        }
        scale = config.flag("scale_attn_weights", true) ? 1 / Math.sqrt((double) hidden / heads) : 1;
        stack = new DecoderStack(
                IntStream.range(0, config.layers("n_layer"))
                        .mapToObj(i -> "transformer.h." + i)
                        .toList(),
                NORM);
        modules = new Modules().embedding(TOKENS, vocabulary, hidden).embedding(POSITIONS, positions, hidden);
        for (String layer : stack.layers()) {
            modules.layerNorm(layer + ".ln_1", hidden)
                    .conv1d(layer + ".attn.c_attn", hidden, 3 * hidden)
                    .attention(layer + ".attn", heads, hidden / heads)
                    .conv1d(layer + ".attn.c_proj", hidden, hidden)
                    .attentionResidual(layer + ".attn", hidden)
                    .layerNorm(layer + ".ln_2", hidden)
                    .conv1d(layer + ".mlp.c_fc", hidden, inner)
                    .conv1d(layer + ".mlp.c_proj", inner, hidden)
                    .feedForwardResidual(layer + ".mlp", hidden)
                    .block(layer, hidden);
        }
        modules.layerNorm(NORM, hidden).head(HEAD, hidden, vocabulary, tied);
    }

    /** Reads configurations. */
    public static final class OfConfig implements Family {
        @Override
        public String modelType() {
            return "gpt2";
        }

        @Override
        public Architecture read(ModelConfig config) {
            return new Gpt2(config);
        }
    }

    @Override
    public Tensor encode(Forward forward, int[] rows) {
        TokenBatch batch = forward.batch();
        List<Stage> embedding = List.of(
                Stage.of(TOKENS, none -> forward.embedding(TOKENS, batch.ids())),
                Stage.of(
                        POSITIONS,
                        x -> forward.dropout(
                                "transformer.drop",
                                x.add(forward.embedding(POSITIONS, forward.positions())),
                                embeddingDropout)));
        AttentionLayout attention =
                new AttentionLayout(batch.offsets(), batch.offsets(), heads, heads, hidden / heads, scale, true);
        return stack.run(
                forward,
                rows,
                embedding,
                layer -> attention,
                (layer, x, queries) -> layer(forward, stack.layers().get(layer), x, queries),
                x -> forward.layerNorm(NORM, x, eps));
    }

    private Tensor layer(Forward forward, String path, Tensor x, Queries queries) {
        Tensor normal = forward.layerNorm(path + ".ln_1", x, eps);
        Tensor fused = forward.linear(path + ".attn.c_attn", normal);
        Tensor query = queries.of(fused.slice(1, 0, hidden));
        Tensor key = fused.slice(1, hidden, 2 * hidden);
        Tensor value = fused.slice(1, 2 * hidden, 3 * hidden);
        Tensor attention = forward.attention(path + ".attn", normal, query, key, value, queries.attention());
        Tensor context = forward.linear(path + ".attn.c_proj", attention);
        Tensor dropped = forward.dropout(path + ".attn.resid_dropout", context, residualDropout);
        Tensor attended = forward.residual(path + ".attn", queries.of(x), dropped, UnaryOperator.identity());
        Tensor middle = forward.linear(path + ".mlp.c_fc", forward.layerNorm(path + ".ln_2", attended, eps))
                .apply(activation);
        Tensor out = forward.linear(path + ".mlp.c_proj", middle);
        Tensor kept = forward.dropout(path + ".mlp.dropout", out, residualDropout);
        return forward.block(path, forward.residual(path + ".mlp", attended, kept, UnaryOperator.identity()));
    }

    @Override
    public Tensor pool(Forward forward, Tensor hidden) {
        return hidden;
    }

    @Override
    public int[] pooledTokens(TokenBatch batch) {
        return batch.lastTokens();
    }

    @Override
    public String family() {
        return "gpt2";
    }

    @Override
    public int hiddenSize() {
        return hidden;
    }

    @Override
    public int vocabulary() {
        return vocabulary;
    }

    @Override
    public int maxLength() {
        return positions;
    }

    @Override
    public LinearNames linearNames() {
        return new LinearNames("c_attn", "c_attn", "c_attn", "mlp.c_proj");
    }

    @Override
    public Modules modules() {
        return modules;
    }

    @Override
    public String classifierPath() {
        return "score";
    }

    @Override
    public boolean classifierBias() {
        return false;
    }

    @Override
    public Optional<LanguageHead> languageHead() {
        return Optional.of(() -> HEAD);
    }

    @Override
    public Map<String, String> tied() {
        return tied ? Map.of(HEAD + ".weight", TOKENS + ".weight") : Map.of();
    }

    @Override
    public String canonical(String nameInFile) {
        return BARE.matcher(nameInFile).matches() ? "transformer." + nameInFile : nameInFile;
    }

    @Override
    public boolean harmless(String name) {
        return HARMLESS.matcher(name).matches();
    }
}
