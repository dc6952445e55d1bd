package org.attune.kernel.generation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.attune.kernel.generation.CachedPass.Piece;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Wiring;
import org.attune.model.LanguageHead;
import org.attune.model.Model;
import org.attune.tensor.Scope;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;

/**
 * Computes the next tokens of several sequences on a team. Many tokens are cut evenly among its members, within a sequence too, who
 * meet at each attention. Of few tokens, as where each sequence gets its next one, the members share every product and attention out.
 */
final class PassRunner {
    /** Up to so many tokens the time goes into reading weights, and one that every member reads would be read several times. */
    private static final int FEW_TOKENS = 16;

    private final TensorEngine engine;
    private final Model model;
    private final LanguageHead head;
    private final ParameterStore parameters;
    private final Wiring wiring;
    private final StepSettings settings;
    private final Team team;
    /** The ids of virtual tokens, which the first tokens of a sequence come behind. */
    private final int[] lead;

    PassRunner(
            TensorEngine engine,
            Model model,
            LanguageHead head,
            ParameterStore parameters,
            Wiring wiring,
            StepSettings settings,
            Team team) {
        this.engine = engine;
        this.model = model;
        this.head = head;
        this.parameters = parameters;
        this.wiring = wiring;
        this.settings = settings;
        this.team = team;
        this.lead = wiring.virtualIds();
    }

    /**
     * The next tokens of a sequence.
     *
     * @param wanted whether the logits after the last of them are asked for
     */
    record Chunk(SequenceCache cache, int[] ids, boolean wanted) {}

    /** Takes the logits of chunks that want them. */
    @FunctionalInterface
    interface LogitsSink {
        /**
         * Called once for each, on several threads.
         *
         * @param chunk its place in the list
         * @param logits [vocabulary], to be changed at will and not to be kept
         */
        void accept(int chunk, float[] logits);
    }

    /** What one member computes. */
    private static final class Part {
        private final List<Piece> pieces = new ArrayList<>();
        /** Rows whose logits are wanted, and the chunks that want them. */
        private int[] rows = {};

        private int[] chunks = {};
        private int tokens;

        void add(Piece piece, int chunk, boolean wanted) {
            pieces.add(piece);
            tokens += piece.ids().length;
            if (wanted) {
                rows = Arrays.copyOf(rows, rows.length + 1);
                rows[rows.length - 1] = tokens - 1;
                chunks = Arrays.copyOf(chunks, chunks.length + 1);
                chunks[chunks.length - 1] = chunk;
            }
        }
    }

    /** For a sequence that has not begun; the caller closes it. */
    SequenceCache newCache() {
        return new SequenceCache(engine, wiring.prefixLength() + lead.length);
    }

    void run(List<Chunk> chunks, LogitsSink sink) {
        int tokens = 0;
        List<Piece> pieces = new ArrayList<>();
        for (Chunk chunk : chunks) {
            chunk.cache().reserve(chunk.cache().length() + chunk.ids().length);
            pieces.add(piece(chunk));
            tokens += pieces.get(pieces.size() - 1).ids().length;
        }
        Part[] parts = cut(chunks, pieces, tokens, tokens <= FEW_TOKENS ? 1 : team.size());
        if (parts.length == 1) {
            compute(parts[0], false, sink);
        } else {
            team.run(parts.length, member -> compute(parts[member], true, sink));
        }
        for (Chunk chunk : chunks) {
            chunk.cache().advance(chunk.ids().length);
        }
    }

    /** All of a chunk, with the virtual tokens where the sequence begins with it. */
    private Piece piece(Chunk chunk) {
        int held = chunk.cache().length();
        return held > 0
                ? new Piece(chunk.cache(), lead.length + held, chunk.ids())
                : new Piece(
                        chunk.cache(),
                        0,
                        IntStream.concat(Arrays.stream(lead), Arrays.stream(chunk.ids()))
                                .toArray());
    }

    private static Part[] cut(List<Chunk> chunks, List<Piece> pieces, int tokens, int members) {
        Part[] parts = new Part[members];
        Arrays.setAll(parts, m -> new Part());
        int done = 0;
        int m = 0;
        for (int c = 0; c < chunks.size(); c++) {
            Piece whole = pieces.get(c);
            int n = whole.ids().length;
            for (int from = 0; from < n; ) {
                int end = (int) ((long) tokens * (m + 1) / members); // of the member's share
                int to = Math.min(n, from + end - done);
                Piece piece =
                        new Piece(whole.cache(), whole.position() + from, Arrays.copyOfRange(whole.ids(), from, to));
                parts[m].add(piece, c, chunks.get(c).wanted() && to == n);
                done += to - from;
                from = to;
                if (done == end) {
                    m++;
                }
            }
        }
        return parts;
    }

    private void compute(Part part, boolean shared, LogitsSink sink) {
        Scope.inference(engine, () -> {
            CachedPass pass = new CachedPass(model, parameters, wiring, settings, part.pieces, team, shared);
            Tensor hidden = model.encode(pass, part.rows);
            if (part.rows.length > 0) {
                Storage logits = head.logits(pass, hidden).storage();
                int members = shared ? 1 : Math.min(team.size(), part.rows.length);
                team.run(members, member -> read(part, logits, member, members, sink));
            }
            return null;
        });
    }

    /** Each {@code members}-th row of the logits. */
    private void read(Part part, Storage logits, int member, int members, LogitsSink sink) {
        int vocabulary = Math.toIntExact(logits.size() / part.rows.length);
        float[] row = new float[vocabulary];
        for (int i = member; i < part.rows.length; i += members) {
            engine.read(logits.slice((long) i * vocabulary, vocabulary), row, 0, vocabulary);
            sink.accept(part.chunks[i], row);
        }
    }
}
