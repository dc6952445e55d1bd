package org.attune.models;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.attune.model.Forward;
import org.attune.model.LanguageHead;
import org.attune.model.LinearNames;
import org.attune.model.TokenBatch;
import org.attune.tensor.Tensor;

/**
 * A model of some family without its weights: which modules it has and how they are computed, with the names of the family's
 * Hugging Face implementation. Immutable.
 */
public interface Architecture {
    /** The family, for example {@code bert}. */
    String family();

    int hiddenSize();

    /** How many token ids there are. */
    int vocabulary();

    /** The longest sequence, in tokens. */
    int maxLength();

    /** See {@link org.attune.model.Model#paddingToken}. */
    default int paddingToken() {
        return 0;
    }

    Modules modules();

    /** See {@link org.attune.model.Model#linearNames}. */
    LinearNames linearNames();

    /**
     * The last hidden states [rows, hidden].
     *
     * @param rows tokens of the batch whose states are wanted, ascending; null for all
     */
    Tensor encode(Forward forward, int[] rows);

    /** See {@link org.attune.model.Model#pool}. */
    Tensor pool(Forward forward, Tensor hidden);

    /** See {@link org.attune.model.Model#pooledTokens}. */
    int[] pooledTokens(TokenBatch batch);

    /** See {@link org.attune.model.Model#classifierPath}. */
    String classifierPath();

    /** See {@link org.attune.model.Model#classifierBias}. */
    boolean classifierBias();

    /**
     * See {@link org.attune.model.Model#classifierLayers}.
     *
     * @param isThere whether the file has the weight of a module
     */
    default List<String> classifierLayers(Predicate<String> isThere) {
        return List.of();
    }

    /**
     * See {@link org.attune.model.Model#maskedHead}.
     *
     * @param isThere whether the file has the weight of a module
     */
    default Optional<LanguageHead> maskedHead(Predicate<String> isThere) {
        return Optional.empty();
    }

    /** See {@link org.attune.model.Model#languageHead}; not there where the file lacks its weight. */
    default Optional<LanguageHead> languageHead() {
        return Optional.empty();
    }

    /** See {@link org.attune.model.Model#tied}. */
    default Map<String, String> tied() {
        return Map.of();
    }

    /** The family's name of a weight that a file calls otherwise, being older or of the bare model; else the name itself. */
    String canonical(String nameInFile);

    /** Whether a tensor that is no weight of the model is to be expected in its files. */
    boolean harmless(String name);
}
