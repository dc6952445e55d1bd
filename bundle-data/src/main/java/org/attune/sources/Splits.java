package org.attune.sources;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.attune.data.Example;

/** Splits that never overlap, of which the test split does not depend on the size of the others. */
final class Splits {
    private Splits() {}

    /**
     * @param order a permutation of the examples: training examples are taken from its front, test examples from its end,
     *     validation examples from before those
     * @return those that have examples
     */
    static Map<String, List<Example>> draw(List<Example> examples, int[] order, int train, int validation, int test) {
        int n = examples.size();
        Map<String, List<Example>> splits = new HashMap<>();
        put(splits, "train", examples, order, 0, train);
        put(splits, "validation", examples, order, n - test - validation, n - test);
        put(splits, "test", examples, order, n - test, n);
        return splits;
    }

    private static void put(
            Map<String, List<Example>> splits, String name, List<Example> examples, int[] order, int from, int to) {
        if (from < to) {
            splits.put(
                    name, Arrays.stream(order, from, to).mapToObj(examples::get).toList());
        }
    }
}
