package org.attune.model;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.attune.tensor.Tensor;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A base model: an architecture over frozen weights that all trials share. It holds no trial's state and is thread-safe.
 * Closing frees the weights; only the kernel's pool closes a model.
 */
@ConsumerType
public interface Model extends AutoCloseable {
    /** The architecture, for example {@code bert}. */
    String family();

    /** Identifies the weights and the configuration: part of a run's provenance. */
    String fingerprint();

    Tokenizer tokenizer();

    /** Width of the hidden states. */
    int hiddenSize();

    /** The longest sequence that the model takes, in tokens. */
    int maxLength();

    /** The id of the token that shorter texts are filled up with, for an adapter that reads {@link TokenBatch#padding}. */
    default int paddingToken() {
        return 0;
    }

    /** All places where adapters may act, in forward order. */
    List<AttachPoint> attachPoints();

    /** The frozen weights by Hugging Face name, in file order; a classification head is among them where the file has one. */
    Map<String, Tensor> weights();

    /**
     * Names that mean another weight, to that weight: {@code lm_head.weight} to {@code model.embed_tokens.weight}. They are not
     * among {@link #weights}: a tied weight is one, and is trained as one.
     */
    default Map<String, String> tied() {
        return Map.of();
    }

    /**
     * Whether the family's files hold the transpose of a weight, [in, out] where {@link #weights} has [out, in]: GPT-2's do.
     * Whoever writes files for others turns it back.
     */
    default boolean transposedInFiles(String weight) {
        return false;
    }

    /** What linear maps are called here. */
    default LinearNames linearNames() {
        return LinearNames.NONE;
    }

    /** The last hidden states [tokens, hidden]. */
    Tensor encode(Forward forward);

    /**
     * The last hidden states of some tokens alone [rows.length, hidden]: the same numbers as in {@link #encode(Forward)}, for less
     * work where the family can leave the others out.
     *
     * @param rows tokens of the batch, ascending
     */
    default Tensor encode(Forward forward, int[] rows) {
        return encode(forward).gatherRows(rows);
    }

    /**
     * One vector a sequence, as the family's own classifier reads it (BERT: the pooler over the first token).
     *
     * @param hidden the last hidden states of {@link #pooledTokens} [sequences, hidden]
     * @return [sequences, hidden]
     */
    Tensor pool(Forward forward, Tensor hidden);

    /** The token of each sequence that {@link #pool} reads [sequences]: the first, unless the family says otherwise. */
    default int[] pooledTokens(TokenBatch batch) {
        return batch.firstTokens();
    }

    /**
     * The path of the family's classification head, for example {@code classifier}: its weight and bias are {@code .weight}
     * [labels, hidden] and {@code .bias} [labels].
     */
    String classifierPath();

    /** Whether the family's classification head has a bias. */
    default boolean classifierBias() {
        return true;
    }

    /**
     * Paths of the linear maps [hidden, hidden] with bias inside {@link #pool} that belong to the classification head: trained with
     * it, and new where the model's file has none. BERT's pooler is none of them where it was pretrained.
     */
    default List<String> classifierLayers() {
        return List.of();
    }

    /** Paths of all linear maps of the classification head, the last one at the end. */
    default List<String> classifierPaths() {
        return Stream.concat(classifierLayers().stream(), Stream.of(classifierPath()))
                .toList();
    }

    /** From hidden states to the vocabulary, for the token after each; empty where the model has no such part. */
    default Optional<LanguageHead> languageHead() {
        return Optional.empty();
    }

    /** Whether a token sees those before it alone. */
    default boolean causal() {
        return languageHead().isPresent();
    }

    /** From hidden states to the vocabulary, for the token itself, which is masked; empty where the model has no such part. */
    default Optional<LanguageHead> maskedHead() {
        return Optional.empty();
    }

    /** The tokens that end a text or a turn; none where the model's files name none. */
    default int[] endTokens() {
        return new int[0];
    }

    /** How chats are written for this model; empty where its files do not say. */
    default Optional<ChatTemplate> chatTemplate() {
        return Optional.empty();
    }

    @Override
    void close();
}
