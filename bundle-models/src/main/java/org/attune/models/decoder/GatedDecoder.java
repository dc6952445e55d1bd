package org.attune.models.decoder;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.attune.model.Forward;
import org.attune.model.LanguageHead;
import org.attune.model.LinearNames;
import org.attune.model.Stage;
import org.attune.model.TokenBatch;
import org.attune.models.Architecture;
import org.attune.models.Modules;
import org.attune.models.decoder.DecoderStack.Queries;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;

/**
 * The decoder of Llama and its kin: an embedding, {@link DecoderLayer layers}, a norm and a head over the vocabulary. Names and
 * numbers are those of Hugging Face's {@code LlamaForCausalLM}, {@code LlamaForSequenceClassification} and of the same classes of
 * other families; a classifier reads the last token. In training, {@code attention_dropout} is not applied.
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
        List<String> layers = IntStream.range(0, config.reaches().size())
                .mapToObj(i -> "model.layers." + i)
                .toList();
        this.stack = new DecoderStack(layers, NORM);
        this.modules = modules(config, layers);
    }

    private static Modules modules(GatedConfig config, List<String> layers) {
        int hidden = config.hidden();
        Modules modules = new Modules().embedding(EMBEDDING, config.vocabulary(), hidden);
        for (String layer : layers) {
            config.layer().addTo(modules, layer, hidden);
            modules.block(layer, hidden);
        }
        config.norm().addTo(modules, NORM, hidden);
        return modules.head(HEAD, hidden, config.vocabulary(), config.tied());
    }

    /** What tokens see and how they are turned in the layers of one reach. */
    private record Sight(AttentionLayout attention, Rotary.Angles angles) {}

    @Override
    public Tensor encode(Forward forward, int[] rows) {
        TokenBatch batch = forward.batch();
        Map<Rotary, Rotary.Angles> angles = new HashMap<>();
        Map<Reach, Sight> sights = new HashMap<>();
        for (Reach reach : config.reaches()) {
            sights.computeIfAbsent(
                    reach,
                    r -> new Sight(
                            config.layer().attention().layout(batch, r.window()),
                            angles.computeIfAbsent(
                                    r.rotary(), turn -> turn.angles(forward.positions(), batch.offsets()))));
        }
        return stack.run(
                forward,
                rows,
                List.of(Stage.of(EMBEDDING, none -> embed(forward, batch))),
                layer -> sights.get(config.reaches().get(layer)).attention(),
                (layer, x, queries) -> layer(
                        forward,
                        layer,
                        x,
                        queries,
                        sights.get(config.reaches().get(layer)).angles()),
                x -> config.norm().apply(forward, NORM, x));
    }

    private Tensor embed(Forward forward, TokenBatch batch) {
        Tensor rows = forward.embedding(EMBEDDING, batch.ids());
        if (config.embeddingScale() == 1) {
            return rows;
        }
        int[] ids = batch.ids();
        if (IntStream.of(ids).allMatch(id -> id >= 0)) {
            return rows.mul(config.embeddingScale());
        }
        float[] scales = new float[ids.length]; // virtual tokens' vectors are taken as they are
        for (int i = 0; i < ids.length; i++) {
            scales[i] = ids[i] < 0 ? 1 : (float) config.embeddingScale();
        }
        return rows.mul(Tensor.of(rows.engine(), Shape.of(ids.length, 1), scales))
                .to(rows.dtype());
    }

    private Tensor layer(Forward forward, int layer, Tensor x, Queries queries, Rotary.Angles angles) {
        String path = stack.layers().get(layer);
        return forward.block(path, config.layer().apply(forward, path, x, queries, angles));
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
    public LinearNames linearNames() {
        return new LinearNames("q_proj", "k_proj", "v_proj", "down_proj");
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
        return Optional.of(config.logitCap() == 0 ? () -> HEAD : new CappedHead(HEAD, config.logitCap()));
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
