package org.attune.kernel.generation;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import org.attune.generation.Decoding;
import org.attune.generation.Generated;
import org.attune.generation.Generated.End;
import org.attune.generation.TextListener;
import org.attune.kernel.generation.PassRunner.Chunk;
import org.attune.model.Tokenizer;
import org.attune.tensor.Rng;

/**
 * Generates for many prompts, some at a time: a sequence that ends leaves its place to the next prompt, whose tokens are read in the
 * same pass in which the others get their next token (Yu et al. 2022, Orca). Long prompts are read in several passes.
 */
final class ContinuousBatch {
    /** More would not be faster by much: the products are no longer bound by the reading of weights. */
    private static final int PLACES = 16;

    /** So many fill the processors, and keep what a pass holds in memory small. */
    private static final int TOKENS_A_PASS = 1024;

    private final PassRunner runner;
    private final Tokenizer tokenizer;
    private final Set<Integer> endTokens;
    private final int maxLength;
    private final Decoding decoding;
    private final TextListener listener;

    ContinuousBatch(
            PassRunner runner,
            Tokenizer tokenizer,
            Set<Integer> endTokens,
            int maxLength,
            Decoding decoding,
            TextListener listener) {
        this.runner = runner;
        this.tokenizer = tokenizer;
        this.endTokens = endTokens;
        this.maxLength = maxLength;
        this.decoding = decoding;
        this.listener = listener;
    }

    /** A prompt and what was generated after it. */
    private final class Sequence {
        private final int prompt;
        private final int promptTokens;
        private final int limit;
        private final SequenceCache cache = runner.newCache();
        private final TextStream stream = new TextStream(tokenizer, decoding.stop());
        private final BitSet seen = new BitSet();
        private final Rng rng;
        private int[] ids;
        private int size;
        /** The token that was chosen last, not yet among the ids. */
        private int next;

        private End end;

        Sequence(int prompt, int[] ids) {
            this.prompt = prompt;
            this.ids = ids.clone();
            this.size = ids.length;
            this.promptTokens = ids.length;
            this.limit = (int) Math.min((long) promptTokens + decoding.maxNewTokens(), maxLength);
            this.rng = Rng.of(decoding.seed()).at("generation").at(prompt);
            for (int id : ids) {
                seen.set(id);
            }
        }

        /** How many tokens wait to be computed. */
        int pending() {
            return size - cache.length();
        }

        Chunk chunk(int tokens) {
            int from = cache.length();
            return new Chunk(cache, Arrays.copyOfRange(ids, from, from + tokens), from + tokens == size);
        }

        void choose(float[] logits) {
            Logits.penalise(logits, seen, decoding.repetitionPenalty());
            if (decoding.sampling().temperature() == 0) {
                next = Logits.largest(logits);
            } else {
                Logits.restrict(logits, decoding.sampling());
                next = Logits.draw(logits, rng.uniform((long) size - promptTokens));
            }
        }

        /** Takes the chosen token over and tells the listener. */
        void append() {
            if (size == ids.length) {
                ids = Arrays.copyOf(ids, Math.min(limit, 2 * size));
            }
            ids[size++] = next;
            seen.set(next);
            boolean goesOn = true;
            if (endTokens.contains(next)) {
                end = End.END_TOKEN;
            } else {
                goesOn = tell(stream.add(next));
                if (stream.stopped()) {
                    end = End.STOP_TEXT;
                } else if (size == limit) {
                    end = End.LENGTH;
                }
            }
            if (end != null) {
                goesOn &= tell(stream.finish());
            }
            if (!goesOn && end == null) {
                end = End.STOPPED;
            }
        }

        private boolean tell(String piece) {
            return piece.isEmpty() || listener.text(prompt, piece);
        }

        Generated result() {
            return new Generated(stream.text(), Arrays.copyOfRange(ids, promptTokens, size), promptTokens, end);
        }
    }

    List<Generated> run(List<int[]> prompts) {
        Generated[] results = new Generated[prompts.size()];
        Deque<Sequence> waiting = new ArrayDeque<>();
        for (int i = 0; i < prompts.size(); i++) {
            waiting.add(new Sequence(i, prompts.get(i)));
        }
        List<Sequence> active = new ArrayList<>();
        try {
            while (!active.isEmpty() || !waiting.isEmpty()) {
                while (active.size() < PLACES && !waiting.isEmpty()) {
                    active.add(waiting.remove());
                }
                for (Sequence sequence : pass(active)) {
                    sequence.append();
                    if (sequence.end != null) {
                        results[sequence.prompt] = sequence.result();
                        sequence.cache.close();
                    }
                }
                active.removeIf(sequence -> sequence.end != null);
            }
        } finally {
            active.forEach(sequence -> sequence.cache.close());
        }
        return List.of(results);
    }

    /** Computes what is pending, oldest sequences first; gives those that have chosen a token. */
    private List<Sequence> pass(List<Sequence> active) {
        List<Sequence> taken = new ArrayList<>();
        List<Chunk> chunks = new ArrayList<>();
        int left = TOKENS_A_PASS;
        for (Sequence sequence : active) {
            int tokens = Math.min(left, sequence.pending());
            if (tokens > 0) {
                taken.add(sequence);
                chunks.add(sequence.chunk(tokens));
                left -= tokens;
            }
        }
        runner.run(chunks, (chunk, logits) -> taken.get(chunk).choose(logits));
        taken.removeIf(sequence -> sequence.pending() > 0);
        return taken;
    }
}
