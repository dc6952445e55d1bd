package org.attune.kernel.step;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.attune.model.AttentionPrefix;
import org.attune.model.AttentionPrefix.KeysAndValues;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;

/** Attention whose sequences have more keys than tokens: an adapter's before their own. */
final class PrefixedKeys {
    private PrefixedKeys() {}

    /**
     * @param prefixes in the order in which they stand before each sequence
     * @param given theirs
     */
    static Tensor attention(
            List<AttentionPrefix> prefixes,
            List<KeysAndValues> given,
            Tensor q,
            Tensor k,
            Tensor v,
            AttentionLayout layout) {
        int length = prefixes.stream().mapToInt(AttentionPrefix::length).sum();
        int[] order = order(prefixes, given, layout);
        return q.attention(
                inOrder(given, KeysAndValues::keys, k, order),
                inOrder(given, KeysAndValues::values, v, order),
                layout.withMoreKeys(length));
    }

    /** Of rows that are the prefixes' and, after them, all sequences' own. */
    private static int[] order(List<AttentionPrefix> prefixes, List<KeysAndValues> given, AttentionLayout layout) {
        List<Integer> order = new ArrayList<>();
        for (int s = 0; s < layout.sequences(); s++) {
            int rows = 0;
            for (int i = 0; i < prefixes.size(); i++) {
                int length = prefixes.get(i).length();
                int own = given.get(i).keys().shape().dim(0);
                for (int p = 0; p < length; p++) {
                    order.add(rows + (own == length ? p : s * length + p));
                }
                rows += own;
            }
            for (int i = layout.keyOffsets()[s]; i < layout.keyOffsets()[s + 1]; i++) {
                order.add(rows + i);
            }
        }
        return order.stream().mapToInt(Integer::intValue).toArray();
    }

    private static Tensor inOrder(
            List<KeysAndValues> prefixes, Function<KeysAndValues, Tensor> part, Tensor own, int[] order) {
        List<Tensor> rows = new ArrayList<>();
        prefixes.forEach(prefix -> rows.add(part.apply(prefix).to(own.dtype())));
        rows.add(own);
        return Tensor.concat(0, rows).gatherRows(order);
    }
}
