package org.attune.kernel.generation;

import java.util.List;
import org.attune.kernel.step.ForwardPass;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Wiring;
import org.attune.model.AttentionPrefix.KeysAndValues;
import org.attune.model.Model;
import org.attune.model.TokenBatch;
import org.attune.tensor.DType;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.Arena;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;

/** A pass over the next tokens of sequences whose earlier tokens are in their caches. */
final class CachedPass extends ForwardPass {
    private final List<Piece> pieces;
    private final Team team;
    /** Whether this pass is one of several at the same time, each over its share of the tokens. */
    private final boolean shared;

    /**
     * Tokens of one sequence.
     *
     * @param position of the first of them in the sequence, virtual tokens included
     */
    record Piece(SequenceCache cache, int position, int[] ids) {}

    CachedPass(
            Model model,
            ParameterStore parameters,
            Wiring wiring,
            StepSettings settings,
            List<Piece> pieces,
            Team team,
            boolean shared) {
        super(model, parameters, wiring, settings, batch(pieces), null, null);
        this.pieces = pieces;
        this.team = team;
        this.shared = shared;
    }

    private static TokenBatch batch(List<Piece> pieces) {
        int[] offsets = new int[pieces.size() + 1];
        for (int i = 0; i < pieces.size(); i++) {
            offsets[i + 1] = offsets[i] + pieces.get(i).ids().length;
        }
        int[] ids = new int[offsets[pieces.size()]];
        for (int i = 0; i < pieces.size(); i++) {
            int[] own = pieces.get(i).ids();
            System.arraycopy(own, 0, ids, offsets[i], own.length);
        }
        return new TokenBatch(ids, new int[ids.length], offsets, new long[pieces.size()]);
    }

    @Override
    public int[] positions() {
        int[] positions = super.positions();
        for (int i = 0; i < pieces.size(); i++) {
            for (int token = batch().offsets()[i]; token < batch().offsets()[i + 1]; token++) {
                positions[token] += pieces.get(i).position();
            }
        }
        return positions;
    }

    @Override
    public Tensor attention(String path, Tensor x, Tensor q, Tensor k, Tensor v, AttentionLayout layout) {
        int keyWidth = layout.keyHeads() * layout.headSize();
        int before = prefixLength(path);
        if (before > 0 && pieces.stream().anyMatch(piece -> piece.position() == 0)) {
            writePrefixes(path, x, keyWidth);
        }
        for (int i = 0; i < pieces.size(); i++) {
            long at = (long) keyWidth * layout.keyOffsets()[i];
            long size = (long) keyWidth * layout.keyLength(i);
            Piece piece = pieces.get(i);
            piece.cache()
                    .write(
                            path,
                            before + piece.position(),
                            k.storage().slice(at, size),
                            v.storage().slice(at, size),
                            keyWidth);
        }
        if (shared) {
            team.meet(); // now the keys before these are there too
        }
        return Tensor.filled(q.engine(), q.shape(), q.dtype(), out -> {
            if (shared) {
                attend(path, q, layout, 0, 1, out);
            } else {
                int members = Math.min(team.size(), pieces.size());
                team.run(members, member -> attend(path, q, layout, member, members, out));
            }
        });
    }

    /** Into the caches of the sequences that begin here. */
    private void writePrefixes(String path, Tensor x, int keyWidth) {
        int row = 0;
        for (KeysAndValues prefix : prefixes(path, x)) {
            for (Piece piece : pieces) {
                if (piece.position() == 0) {
                    piece.cache()
                            .write(
                                    path,
                                    row,
                                    prefix.keys().storage(),
                                    prefix.values().storage(),
                                    keyWidth);
                }
            }
            row += prefix.keys().shape().dim(0);
        }
    }

    /** The share of one member: each {@code members}-th sequence. */
    private void attend(String path, Tensor q, AttentionLayout layout, int member, int members, Storage out) {
        for (int i = member; i < pieces.size(); i += members) {
            attend(path, pieces.get(i), q, layout, i, out);
        }
    }

    private void attend(String path, Piece piece, Tensor q, AttentionLayout layout, int sequence, Storage out) {
        int queries = layout.queryLength(sequence);
        if (queries == 0) {
            return;
        }
        int keys = prefixLength(path) + piece.position() + piece.ids().length;
        AttentionLayout own = layout.ofOne(queries, keys);
        long width = (long) layout.heads() * layout.headSize();
        long at = width * layout.queryOffsets()[sequence];
        TensorEngine engine = q.engine();
        try (Arena arena = engine.openArena()) {
            engine.attention(
                    own,
                    q.storage().slice(at, width * queries),
                    piece.cache().keys(path, keys),
                    piece.cache().values(path, keys),
                    out.slice(at, width * queries),
                    arena.allocate(own.probabilities(), engine.dtype()));
        }
    }

    /** With few tokens the weights are what is to be read: each column of a product by one core, and all cores at once. */
    @Override
    protected Tensor product(Tensor x, Tensor weight, Tensor bias) {
        if (shared) {
            return super.product(x, weight, bias);
        }
        int rows = x.shape().dim(0);
        int in = weight.shape().dim(1);
        int out = weight.shape().dim(0);
        int members = team.size();
        return Tensor.filled(
                x.engine(),
                Shape.of(rows, out),
                DType.narrower(x.dtype(), weight.dtype()),
                y -> team.run(
                        members,
                        member -> x.engine()
                                .linearColumns(
                                        x.storage(),
                                        weight.storage(),
                                        bias == null ? null : bias.storage(),
                                        rows,
                                        in,
                                        out,
                                        (int) ((long) out * member / members),
                                        (int) ((long) out * (member + 1) / members),
                                        y)));
    }
}
