package org.attune.kernel.spec;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** Guesses which known name a user meant. */
public final class NearestName {
    private NearestName() {}

    /**
     * The known name that takes the fewest typing mistakes (a letter too much, missing, wrong, or two swapped) to become
     * {@code given}; case and the choice between {@code -} and {@code _} are no mistakes. Empty where none is near: a third of the
     * letters, at least one and at most three, may be wrong. Of equally near names it is the first in the alphabet.
     */
    public static Optional<String> of(String given, Collection<String> known) {
        String wanted = plain(given);
        // Longer texts are no names; the limit keeps the quadratic comparison short.
        if (wanted.length() > 100) {
            return Optional.empty();
        }
        int endured = Math.max(1, Math.min(3, wanted.length() / 3));
        return known.stream()
                .filter(name -> Math.abs(name.length() - wanted.length()) <= endured)
                .filter(name -> distance(wanted, plain(name)) <= endured)
                .min(Comparator.<String>comparingInt(name -> distance(wanted, plain(name)))
                        .thenComparing(Comparator.naturalOrder()));
    }

    /** {@code , did you mean 'rank'?} with a leading comma where there is a near name, else a full stop. */
    public static String question(String given, Collection<String> known) {
        return of(given, known).map(name -> ", did you mean '" + name + "'?").orElse(".");
    }

    private static String plain(String name) {
        return name.toLowerCase(Locale.ROOT).replace('-', '_');
    }

    /** Levenshtein's distance with neighbouring letters swapped as one mistake (optimal string alignment). */
    private static int distance(String a, String b) {
        int[][] cost = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            cost[i][0] = i;
        }
        for (int j = 0; j <= b.length(); j++) {
            cost[0][j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            for (int j = 1; j <= b.length(); j++) {
                int replace = cost[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                cost[i][j] = Math.min(replace, 1 + Math.min(cost[i - 1][j], cost[i][j - 1]));
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    cost[i][j] = Math.min(cost[i][j], cost[i - 2][j - 2] + 1);
                }
            }
        }
        return cost[a.length()][b.length()];
    }
}
