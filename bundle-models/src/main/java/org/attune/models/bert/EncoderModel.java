package org.attune.models.bert;

import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.attune.model.Forward;
import org.attune.model.LanguageHead;
import org.attune.model.LinearNames;
import org.attune.model.TokenBatch;
import org.attune.models.Architecture;
import org.attune.models.Modules;
import org.attune.tensor.Tensor;

/** What BERT and its kin share: an encoder, a classifier with a bias over the first token, and a masked head. */
abstract class EncoderModel implements Architecture {
    private final EncoderStack stack;
    private final MaskedHead head;
    private final boolean tied;
    private final Modules modules = new Modules();

    /** @param tied whether the masked head's matrix is that of the words; the subclass adds the head and layers of its own */
    EncoderModel(EncoderStack stack, MaskedHead head, boolean tied) {
        this.stack = stack;
        this.head = head;
        this.tied = tied;
        stack.addTo(modules);
    }

    final void addHead() {
        head.addTo(modules, hiddenSize(), vocabulary(), tied);
    }

    /** A layer [hidden, hidden] with a bias, which files may lack. */
    final void addLayer(String path) {
        modules.optional(m -> m.linear(path, hiddenSize(), hiddenSize(), true));
    }

    /** The row of the position embedding for each token [tokens]. */
    int[] positions(Forward forward) {
        return forward.positions();
    }

    @Override
    public final LinearNames linearNames() {
        EncoderLayer.Names names = stack.layer().names();
        return new LinearNames(
                last(names.query()),
                last(names.key()),
                last(names.value()),
                names.output().substring(1));
    }

    private static String last(String path) {
        return path.substring(path.lastIndexOf('.') + 1);
    }

    @Override
    public final Tensor encode(Forward forward, int[] rows) {
        return stack.run(forward, rows, positions(forward));
    }

    @Override
    public final int[] pooledTokens(TokenBatch batch) {
        return batch.firstTokens();
    }

    @Override
    public final int hiddenSize() {
        return stack.layer().hidden();
    }

    @Override
    public final int paddingToken() {
        return stack.embeddings().padding();
    }

    @Override
    public final int vocabulary() {
        return stack.embeddings().vocabulary();
    }

    @Override
    public int maxLength() {
        return stack.embeddings().positions();
    }

    @Override
    public final Modules modules() {
        return modules;
    }

    @Override
    public String classifierPath() {
        return "classifier";
    }

    @Override
    public final boolean classifierBias() {
        return true;
    }

    @Override
    public final Optional<LanguageHead> maskedHead(Predicate<String> isThere) {
        return isThere.test(head.dense()) ? Optional.of(head) : Optional.empty();
    }

    @Override
    public final Map<String, String> tied() {
        return head.tied(tied, stack.embeddings().words());
    }
}
