package org.attune.models.decoder;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.attune.model.Forward;
import org.attune.model.LanguageHead;
import org.attune.model.Stage;
import org.attune.model.TokenBatch;
import org.attune.models.Architecture;
import org.attune.models.Modules;
import org.attune.models.decoder.DecoderStack.Queries;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;

/**
 * The decoder of Llama and its kin: rotary positions, grouped-query attention, a gated feed-forward block, root mean square
 * normalisation before each half:
 *
 * <pre>{@code
 * h = x + o_proj(attention(rotary(q_proj(norm(x))), rotary(k_proj(norm(x))), v_proj(norm(x))))
 * y = h + down_proj(silu(gate_proj(norm(h))) up_proj(norm(h)))
 * }</pre>
 *
 * Names and numbers are those of Hugging Face's {@code LlamaForCausalLM}, {@code LlamaForSequenceClassification} and of the same
 * classes of other families; a classifier reads the last token. In training, {@code attention_dropout} is not applied.
 */
final class GatedDecoder implements Architecture {
    private static final String EMBEDDING = "model.embed_tokens";
    private static final String NORM = "model.norm";
    private static final String HEAD = "lm_head";
    /** The parts of a bare model, whose files have no prefix. */
    private static final Pattern BARE = Pattern.compile("(embed_tokens|layers|norm)\\..*");
    /** A buffer of older versions. */
    private static final Pattern HARMLESS = Pattern.compile(".*rotary_emb\\.inv_freq");

    private final GatedConfig config;
    private final Modules modules;
    private final DecoderStack stack;

    GatedDecoder(GatedConfig config) {
        this.config = config;
        List<String> layers = IntStream.range(0, config.layers())
                .mapToObj(i -> "model.layers." + i)
                .toList();
        this.stack = new DecoderStack(layers, NORM);
        this.modules = modules(config, layers);
    }

    private static Modules modules(GatedConfig config, List<String> layers) {
        int hidden = config.hidden();
        int queries = config.heads() * config.headSize();
        int keys = config.keyHeads() * config.headSize();
        GatedConfig.Biases biases = config.biases();
        Modules modules = new Modules().embedding(EMBEDDING, config.vocabulary(), hidden);
        for (String layer : layers) {
            modules.rmsNorm(layer + ".input_layernorm", hidden)
                    .linear(layer + ".self_attn.q_proj", hidden, queries, biases.query())
                    .linear(layer + ".self_attn.k_proj", hidden, keys, biases.query())
                    .linear(layer + ".self_attn.v_proj", hidden, keys, biases.query())
                    .linear(layer + ".self_attn.o_proj", queries, hidden, biases.output())
                    .rmsNorm(layer + ".post_attention_layernorm", hidden)
                    .linear(layer + ".mlp.gate_proj", hidden, config.intermediate(), biases.feedForward())
                    .linear(layer + ".mlp.up_proj", hidden, config.intermediate(), biases.feedForward())
                    .linear(layer + ".mlp.down_proj", config.intermediate(), hidden, biases.feedForward())
                    .block(layer, hidden);
        }
        return modules.rmsNorm(NORM, hidden).head(HEAD, hidden, config.vocabulary(), config.tied());
    }

    @Override
    public Tensor encode(Forward forward, int[] rows) {
        TokenBatch batch = forward.batch();
        Rotary.Angles angles = config.rotary().angles(forward.positions());
        AttentionLayout attention = new AttentionLayout(
                batch.offsets(),
                batch.offsets(),
                config.heads(),
                config.keyHeads(),
                config.headSize(),
                1 / Math.sqrt(config.headSize()),
                true);
        return stack.run(
                forward,
                rows,
                List.of(Stage.of(EMBEDDING, none -> forward.embedding(EMBEDDING, batch.ids()))),
                attention,
                (path, x, queries) -> layer(forward, path, x, queries, angles),
                x -> forward.rmsNorm(NORM, x, config.eps()));
    }

    private Tensor layer(Forward forward, String path, Tensor x, Queries queries, Rotary.Angles angles) {
        String attention = path + ".self_attn";
        Tensor normal = forward.rmsNorm(path + ".input_layernorm", x, config.eps());
        Tensor query = forward.linear(attention + ".q_proj", queries.of(normal));
        Tensor key = forward.linear(attention + ".k_proj", normal);
        Tensor value = forward.linear(attention + ".v_proj", normal);
        Tensor context = forward.attention(
                attention, angles.of(queries.rows()).turn(query), angles.turn(key), value, queries.attention());
        Tensor attended = queries.of(x).add(forward.linear(attention + ".o_proj", context));
        return forward.block(path, attended.add(feedForward(forward, path, attended)));
    }

    private Tensor feedForward(Forward forward, String path, Tensor attended) {
        Tensor normal = forward.rmsNorm(path + ".post_attention_layernorm", attended, config.eps());
        Tensor gate = forward.linear(path + ".mlp.gate_proj", normal);
        Tensor up = forward.linear(path + ".mlp.up_proj", normal);
        return forward.linear(path + ".mlp.down_proj", gate.gated(config.activation(), up));
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
        return config.family();
    }

    @Override
    public int hiddenSize() {
        return config.hidden();
    }

    @Override
    public int vocabulary() {
        return config.vocabulary();
    }

    @Override
    public int maxLength() {
        return config.positions();
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
        return config.tied() ? Map.of(HEAD + ".weight", EMBEDDING + ".weight") : Map.of();
    }

    @Override
    public String canonical(String nameInFile) {
        return BARE.matcher(nameInFile).matches() ? "model." + nameInFile : nameInFile;
    }

    @Override
    public boolean harmless(String name) {
        return HARMLESS.matcher(name).matches();
    }
}
