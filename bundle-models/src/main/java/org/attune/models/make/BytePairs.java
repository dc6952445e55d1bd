package org.attune.models.make;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Trains a byte-level byte pair encoding (Sennrich et al. 2016, arXiv 1508.07909; Radford et al. 2019): from the 256 bytes on, the
 * pair of tokens that is most frequent within words becomes a token, again and again. Of equally frequent pairs the one whose tokens
 * were made first goes first, so that the same texts give the same tokens.
 */
final class BytePairs {
    /** GPT-2's words: a blank belongs to the word after it. */
    private static final Pattern WORD = Pattern.compile(
            "'(?:s|t|re|ve|m|ll|d)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
            Pattern.UNICODE_CHARACTER_CLASS);

    /** Two tokens beside each other. */
    record Pair(int left, int right) {}

    /** A pair with how often it occurred when it was put in line; the number may be out of date. */
    private record Candidate(Pair pair, long count) {}

    private static final Comparator<Candidate> FIRST = Comparator.comparingLong((Candidate c) -> -c.count)
            .thenComparingInt(c -> c.pair.left)
            .thenComparingInt(c -> c.pair.right);

    /** Each word's tokens, and how often the word occurs. */
    private final List<int[]> words = new ArrayList<>();

    private final List<Long> frequencies = new ArrayList<>();
    private final Map<Pair, Long> counts = new HashMap<>();
    /** The words that a pair was ever seen in. */
    private final Map<Pair, Set<Integer>> places = new HashMap<>();

    private final PriorityQueue<Candidate> queue = new PriorityQueue<>(FIRST);
    private final List<Pair> merges = new ArrayList<>();

    private BytePairs(Iterable<String> texts) {
        Map<String, Long> found = new LinkedHashMap<>();
        for (String text : texts) {
            Matcher matcher = WORD.matcher(text);
            while (matcher.find()) {
                found.merge(matcher.group(), 1L, Long::sum);
            }
        }
        found.forEach((word, frequency) -> {
            byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
            int[] tokens = new int[bytes.length];
            for (int i = 0; i < bytes.length; i++) {
                tokens[i] = bytes[i] & 0xff;
            }
            words.add(tokens);
            frequencies.add(frequency);
            count(words.size() - 1, 1);
        });
        counts.forEach((pair, count) -> queue.add(new Candidate(pair, count)));
    }

    /**
     * At most so many merges, in order: the token that merge {@code i} makes is {@code 256 + i}. Fewer where no pair occurs twice.
     */
    static List<Pair> train(Iterable<String> texts, int merges) {
        BytePairs training = new BytePairs(texts);
        while (training.merges.size() < merges && training.merge()) {
            // until there is nothing left to merge
        }
        return training.merges;
    }

    /** Merges the most frequent pair. @return whether there was one */
    private boolean merge() {
        Candidate first = queue.poll();
        while (first != null && first.count != counts.getOrDefault(first.pair, 0L)) {
            first = queue.poll();
        }
        if (first == null || first.count < 2) {
            return false;
        }
        int made = 256 + merges.size();
        merges.add(first.pair);
        Set<Pair> changed = new HashSet<>();
        for (int word : places.get(first.pair)) {
            changed.addAll(count(word, -1));
            words.set(word, merged(words.get(word), first.pair, made));
            changed.addAll(count(word, 1));
        }
        for (Pair pair : changed) {
            long count = counts.getOrDefault(pair, 0L);
            if (count > 0) {
                queue.add(new Candidate(pair, count));
            }
        }
        return true;
    }

    /** Adds a word's pairs to the counts, or takes them away. @return these pairs */
    private Set<Pair> count(int word, int sign) {
        int[] tokens = words.get(word);
        Set<Pair> pairs = new HashSet<>();
        for (int i = 0; i + 1 < tokens.length; i++) {
            Pair pair = new Pair(tokens[i], tokens[i + 1]);
            counts.merge(pair, sign * frequencies.get(word), Long::sum);
            if (sign > 0) {
                places.computeIfAbsent(pair, p -> new HashSet<>()).add(word);
            }
            pairs.add(pair);
        }
        return pairs;
    }

    private static int[] merged(int[] tokens, Pair pair, int made) {
        int[] out = new int[tokens.length];
        int n = 0;
        for (int i = 0; i < tokens.length; i++) {
            boolean both = i + 1 < tokens.length && tokens[i] == pair.left && tokens[i + 1] == pair.right;
            out[n++] = both ? made : tokens[i];
            i += both ? 1 : 0;
        }
        return Arrays.copyOf(out, n);
    }
}
