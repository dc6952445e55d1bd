package org.attune.kernel.generation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Set;
import org.attune.generation.Decoding;
import org.attune.generation.Decoding.Patience;
import org.attune.generation.Generated;
import org.attune.generation.Generated.End;
import org.attune.kernel.generation.PassRunner.Chunk;
import org.attune.model.Tokenizer;

/**
 * The continuation of greatest probability, as far as so many kept beams find it, with the scores and the ends of transformers' beam
 * search: a beam that ends among the best {@code beams} candidates of a step is finished, with its log-probability divided by
 * {@code length^lengthPenalty} as its score.
 */
final class BeamSearch {
    private final PassRunner runner;
    private final Tokenizer tokenizer;
    private final Set<Integer> endTokens;
    private final Decoding decoding;
    private final int beams;

    BeamSearch(PassRunner runner, Tokenizer tokenizer, Set<Integer> endTokens, Decoding decoding) {
        this.runner = runner;
        this.tokenizer = tokenizer;
        this.endTokens = endTokens;
        this.decoding = decoding;
        this.beams = decoding.beams().count();
    }

    /**
     * An open beam.
     *
     * @param ids what was generated
     * @param score its log-probability
     * @param cache of the prompt and all ids but the last
     */
    private record Beam(int[] ids, double score, SequenceCache cache) {}

    /** A continuation of a beam by a token. */
    private record Candidate(Beam beam, int token, double score) {
        int[] ids() {
            int[] ids = Arrays.copyOf(beam.ids, beam.ids.length + 1);
            ids[beam.ids.length] = token;
            return ids;
        }
    }

    /** @param score by length */
    private record Finished(int[] ids, double score, End end) {}

    /** @param room how many tokens at most may follow the prompt */
    Generated run(int[] prompt, int room) {
        List<Beam> open = new ArrayList<>(List.of(new Beam(new int[0], 0, runner.newCache())));
        List<Finished> finished = new ArrayList<>();
        try {
            for (int length = 1; goesOn(open, finished, length - 1, room); length++) {
                List<Candidate> candidates = candidates(open, prompt);
                List<Candidate> unfinished = new ArrayList<>();
                for (int rank = 0; rank < candidates.size(); rank++) {
                    Candidate candidate = candidates.get(rank);
                    End end = end(candidate, length, room);
                    if (end == null) {
                        unfinished.add(candidate);
                    } else if (rank < beams) {
                        finished.add(new Finished(candidate.ids(), score(candidate.score, length), end));
                    }
                }
                finished.sort(Comparator.comparingDouble(Finished::score).reversed()); // stable: the older first
                finished.subList(Math.min(beams, finished.size()), finished.size())
                        .clear();
                open = advance(open, unfinished.subList(0, Math.min(beams, unfinished.size())));
            }
        } finally {
            open.forEach(beam -> beam.cache.close());
        }
        Finished best = finished.get(0);
        TextStream stream = new TextStream(tokenizer, decoding.stop());
        for (int i = 0; i < best.ids.length && !stream.stopped(); i++) {
            if (!endTokens.contains(best.ids[i])) {
                stream.add(best.ids[i]);
            }
        }
        stream.finish();
        return new Generated(stream.text(), best.ids, prompt.length, best.end);
    }

    private double score(double logProbability, int length) {
        return logProbability / Math.pow(length, decoding.beams().lengthPenalty());
    }

    private boolean goesOn(List<Beam> open, List<Finished> finished, int length, int room) {
        if (open.isEmpty()) {
            return false;
        }
        if (finished.size() < beams) {
            return true;
        }
        if (decoding.beams().patience() == Patience.FIRST) {
            return false;
        }
        boolean anyLength = decoding.beams().patience() == Patience.CERTAIN
                && decoding.beams().lengthPenalty() > 0;
        double hope = score(open.get(0).score, anyLength ? room : length);
        return hope > finished.get(finished.size() - 1).score;
    }

    private End end(Candidate candidate, int length, int room) {
        if (endTokens.contains(candidate.token)) {
            return End.END_TOKEN;
        }
        if (!decoding.stop().isEmpty()) {
            String text = tokenizer.decode(candidate.ids());
            if (decoding.stop().stream().anyMatch(text::contains)) {
                return End.STOP_TEXT;
            }
        }
        return length == room ? End.LENGTH : null;
    }

    /** The best, in order: so many that enough stay open even if the best of all beams end. */
    private List<Candidate> candidates(List<Beam> open, int[] prompt) {
        List<Chunk> chunks = open.stream()
                .map(beam -> new Chunk(
                        beam.cache, beam.ids.length == 0 ? prompt : new int[] {beam.ids[beam.ids.length - 1]}, true))
                .toList();
        int kept = Math.max(2, 1 + endTokens.size()) * beams;
        Comparator<Candidate> byScore = Comparator.comparingDouble(Candidate::score);
        List<List<Candidate>> best = new ArrayList<>(Collections.nCopies(open.size(), List.of()));
        runner.run(chunks, (chunk, logits) -> {
            Beam beam = open.get(chunk);
            Logits.toLogProbabilities(logits);
            Logits.penalise(logits, seen(prompt, beam.ids), decoding.repetitionPenalty());
            PriorityQueue<Candidate> queue = new PriorityQueue<>(kept + 1, byScore);
            for (int token = 0; token < logits.length; token++) {
                double score = beam.score + logits[token];
                if (queue.size() < kept || score > queue.element().score) {
                    queue.add(new Candidate(beam, token, score));
                    if (queue.size() > kept) {
                        queue.remove();
                    }
                }
            }
            best.set(chunk, List.copyOf(queue));
        });
        return best.stream()
                .flatMap(List::stream)
                .sorted(byScore.reversed())
                .limit(kept)
                .toList();
    }

    private static BitSet seen(int[] prompt, int[] ids) {
        BitSet seen = new BitSet();
        Arrays.stream(prompt).forEach(seen::set);
        Arrays.stream(ids).forEach(seen::set);
        return seen;
    }

    /** The first child of a beam takes its cache over, others have copies; a beam without children is gone. */
    private static List<Beam> advance(List<Beam> open, List<Candidate> chosen) {
        Set<Beam> taken = Collections.newSetFromMap(new IdentityHashMap<>());
        List<Beam> next = new ArrayList<>();
        for (Candidate candidate : chosen) {
            SequenceCache cache = candidate.beam.cache;
            next.add(new Beam(candidate.ids(), candidate.score, taken.add(candidate.beam) ? cache : cache.fork()));
        }
        open.stream().filter(beam -> !taken.contains(beam)).forEach(beam -> beam.cache.close());
        return next;
    }
}
