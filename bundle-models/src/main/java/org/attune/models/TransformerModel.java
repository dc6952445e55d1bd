package org.attune.models;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.attune.model.AttachPoint;
import org.attune.model.ChatTemplate;
import org.attune.model.Forward;
import org.attune.model.LanguageHead;
import org.attune.model.LinearNames;
import org.attune.model.Model;
import org.attune.model.TokenBatch;
import org.attune.model.Tokenizer;
import org.attune.model.WeightForm;
import org.attune.plugin.UserError;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;

/** An architecture with weights and a tokenizer. */
public final class TransformerModel implements Model {
    private final Architecture architecture;
    private final String fingerprint;
    private final PretrainedTokenizer tokenizer;
    private final ChatFormat chat;
    private final Map<String, Tensor> weights;
    private final Optional<LanguageHead> head;
    private final List<AttachPoint> attachPoints;

    private TransformerModel(
            Architecture architecture,
            String fingerprint,
            PretrainedTokenizer tokenizer,
            ChatFormat chat,
            Map<String, Tensor> weights) {
        this.architecture = architecture;
        this.fingerprint = fingerprint;
        this.tokenizer = tokenizer;
        this.chat = chat;
        this.weights = Collections.unmodifiableMap(weights);
        this.head = architecture.languageHead().filter(h -> isThere(h.path()));
        this.attachPoints = architecture.modules().attachPoints().stream()
                .filter(point -> isThere(point.path()))
                .toList();
    }

    private boolean isThere(String path) {
        return architecture.modules().isThere(path, weights.keySet());
    }

    /** A model whose files say nothing of chats; see {@link #create(Architecture, String, PretrainedTokenizer, Function, WeightFile, TensorEngine, WeightForm)}. */
    public static TransformerModel create(
            Architecture architecture,
            String fingerprint,
            PretrainedTokenizer tokenizer,
            WeightFile file,
            TensorEngine engine,
            WeightForm form) {
        return create(architecture, fingerprint, tokenizer, t -> ChatFormat.NONE, file, engine, form);
    }

    /**
     * Copies the weights into the engine's memory.
     *
     * @param fingerprint identifies configuration and weights
     * @param form how the weights are held
     * @param chat reads what the files say of chats
     * @param tokenizer belongs to the model from now on: closed with it, or when this fails
     * @throws UserError if a weight is missing or its shape is not the configuration's, or the tokenizer knows more ids than
     *     the model
     */
    public static TransformerModel create(
            Architecture architecture,
            String fingerprint,
            PretrainedTokenizer tokenizer,
            Function<Tokenizer, ChatFormat> chat,
            WeightFile file,
            TensorEngine engine,
            WeightForm form) {
        try {
            if (tokenizer.vocabulary() > architecture.vocabulary()) {
                throw new UserError(tokenizer.source() + ": ids up to " + (tokenizer.vocabulary() - 1)
                        + ", but the model's vocab_size is " + architecture.vocabulary());
            }
            return new TransformerModel(
                    architecture,
                    fingerprint,
                    tokenizer,
                    chat.apply(tokenizer),
                    ModelWeights.load(architecture, file, engine, form));
        } catch (Throwable t) {
            tokenizer.close();
            throw t;
        }
    }

    /** {@inheritDoc} @throws IllegalArgumentException if a sequence is longer than {@link #maxLength} */
    @Override
    public Tensor encode(Forward forward) {
        return encode(forward, null);
    }

    /** {@inheritDoc} @throws IllegalArgumentException if a sequence is longer than {@link #maxLength} */
    @Override
    public Tensor encode(Forward forward, int[] rows) {
        int end = IntStream.of(forward.positions()).max().orElse(-1) + 1;
        if (end > maxLength()) {
            throw new IllegalArgumentException(
                    "a sequence of " + end + " tokens, but the model has only " + maxLength() + " positions");
        }
        return rows != null && forward.wholeSequences()
                ? architecture.encode(forward, null).gatherRows(rows)
                : architecture.encode(forward, rows);
    }

    @Override
    public Tensor pool(Forward forward, Tensor hidden) {
        return architecture.pool(forward, hidden);
    }

    @Override
    public int[] pooledTokens(TokenBatch batch) {
        return architecture.pooledTokens(batch);
    }

    @Override
    public String family() {
        return architecture.family();
    }

    @Override
    public String fingerprint() {
        return fingerprint;
    }

    @Override
    public PretrainedTokenizer tokenizer() {
        return tokenizer;
    }

    @Override
    public int hiddenSize() {
        return architecture.hiddenSize();
    }

    @Override
    public int maxLength() {
        return architecture.maxLength();
    }

    @Override
    public int paddingToken() {
        return architecture.paddingToken();
    }

    @Override
    public List<AttachPoint> attachPoints() {
        return attachPoints;
    }

    @Override
    public LinearNames linearNames() {
        return architecture.linearNames();
    }

    @Override
    public Map<String, Tensor> weights() {
        return weights;
    }

    @Override
    public Map<String, String> tied() {
        return architecture.tied();
    }

    @Override
    public boolean transposedInFiles(String weight) {
        return architecture.modules().transposedInFiles(weight);
    }

    @Override
    public String classifierPath() {
        return architecture.classifierPath();
    }

    @Override
    public boolean classifierBias() {
        return architecture.classifierBias();
    }

    @Override
    public List<String> classifierLayers() {
        return architecture.classifierLayers(this::isThere);
    }

    @Override
    public Optional<LanguageHead> maskedHead() {
        return architecture.maskedHead(this::isThere);
    }

    @Override
    public Optional<LanguageHead> languageHead() {
        return head;
    }

    @Override
    public boolean causal() {
        return architecture.languageHead().isPresent();
    }

    @Override
    public int[] endTokens() {
        return chat.endTokens().clone();
    }

    @Override
    public Optional<ChatTemplate> chatTemplate() {
        return chat.template();
    }

    @Override
    public void close() {
        weights.values().forEach(Tensor::close);
        tokenizer.close();
    }
}
