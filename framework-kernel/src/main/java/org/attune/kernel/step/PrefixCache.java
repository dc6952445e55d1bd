package org.attune.kernel.step;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.attune.model.Stage;
import org.attune.model.TokenBatch;
import org.attune.tensor.DType;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;
import org.attune.trial.CacheStats;

/**
 * What the frozen leading stages of a trial's model give, by example, in the engine's element type: in memory, then in files. Filled
 * between steps in the order of the examples, so that which ones are kept depends on sizes alone; workers only read.
 *
 * <p>A trial has one model and reads its examples once, so neither can change under the cache. Its adapters can, and what is trained:
 * what is kept is dropped when one of the kept stages is trained or adapted.
 */
public final class PrefixCache implements AutoCloseable {
    private final TensorEngine engine;
    private final MemoryRows memory;
    private final DiskRows disk;
    private final boolean off;
    private final Split training = new Split();
    private final Split evaluation = new Split();
    private final LongAdder hits = new LongAdder();
    private final LongAdder misses = new LongAdder();
    private Wiring checked;
    /** Of the parameters, when they were last looked at. */
    private long checkedChanges;

    /**
     * @param memory and disk at most so many bytes; both 0 for no cache
     * @param folder for files, made when the first is written and deleted at the end
     */
    public PrefixCache(TensorEngine engine, long memory, long disk, Path folder) {
        this.engine = engine;
        this.memory = new MemoryRows(engine, memory);
        this.disk = new DiskRows(engine, disk, folder);
        this.off = memory + disk == 0;
    }

    /** One that keeps nothing. */
    static PrefixCache none(TensorEngine engine) {
        return new PrefixCache(engine, 0, 0, Path.of(""));
    }

    /** Of the examples that steps use, without dropout among the kept stages. */
    public Split training() {
        return training;
    }

    /** Of the examples that evaluations use. */
    public Split evaluation() {
        return evaluation;
    }

    public CacheStats stats() {
        return new CacheStats(hits.sum(), misses.sum(), memory.bytes(), disk.bytes());
    }

    /** To be called before a step or an evaluation: drops what is no longer right. */
    void check(Wiring wiring, ParameterStore parameters) {
        if (wiring == checked && checkedChanges == parameters.changes()) {
            return;
        }
        checked = wiring;
        checkedChanges = parameters.changes();
        boolean valid = List.of(training, evaluation).stream()
                .flatMap(split -> split.paths.stream())
                .noneMatch(path -> wiring.touches(path) || parameters.trains(path));
        if (!valid) {
            clear();
        }
    }

    /**
     * To be called where an epoch begins and a whole one is to come, which saves what computing the prefix once more costs: drops what
     * is kept of a prefix that is longer now, as more of the model is frozen.
     */
    public void deepen(Wiring wiring, ParameterStore parameters) {
        String end = training.end;
        if (end != null && !parameters.trains(end) && !wiring.touches(end)) {
            clear();
        }
    }

    /** How far the kept prefixes go: a resumed run keeps the same. */
    public ObjectNode state() {
        return JsonNodeFactory.instance
                .objectNode()
                .put("training", training.end)
                .put("evaluation", evaluation.end);
    }

    /** What {@link #state} gave in an earlier sitting. */
    public void restore(ObjectNode state) {
        training.end = state.path("training").asText(null);
        evaluation.end = state.path("evaluation").asText(null);
    }

    private void clear() {
        training.clear();
        evaluation.clear();
        memory.close();
        disk.close();
    }

    @Override
    public void close() {
        clear();
        checked = null;
    }

    /** The rows of one example, wherever they are. */
    sealed interface Rows permits MemoryRows.Place, DiskRows.Place {}

    /**
     * @param rows of the example's tokens in order
     * @param tokens their positions in the example; null for all
     * @param count how many
     */
    private record Entry(Rows rows, int[] tokens, int count) {}

    /** What is kept of a data split. */
    public final class Split {
        private final Map<Long, Entry> entries = new HashMap<>();
        /** Of the kept stages; empty before the first example is kept. */
        private List<String> paths = List.of();

        /** The stage before which the prefix ends, as it was not frozen; null where nothing was kept yet or it ends for another reason. */
        private String end;

        private int width;
        private DType dtype;
        private int seen;
        private boolean closed;

        /** How many stages need not be computed. */
        int stages() {
            return paths.size();
        }

        boolean has(long example) {
            return entries.containsKey(example);
        }

        /** How many examples were looked at. */
        public int seen() {
            return seen;
        }

        /** Whether nothing more will be kept. */
        boolean closed() {
            return off || closed;
        }

        String end() {
            return end;
        }

        private void clear() {
            entries.clear();
            end = null;
            paths = List.of();
            seen = 0;
            closed = false;
        }

        /** Takes note that so many more examples were looked at; what was kept of them can be found now. */
        void saw(int examples) {
            seen += examples;
            disk.seal();
        }

        /** Keeps the rows of a micro-batch's examples, as far as there is room; where they are not worth it, nothing more. */
        void add(TokenBatch batch, PrefixPass.Prefix prefix) {
            end = prefix.end();
            if (!prefix.isWorthKeeping()) {
                closed = true;
                return;
            }
            if (paths.isEmpty()) {
                paths = List.copyOf(prefix.paths());
                width = prefix.states().shape().dim(1);
                dtype = prefix.states().dtype();
            }
            int[] offsets = prefix.rows() == null ? batch.offsets() : batch.offsetsOf(prefix.rows());
            for (int s = 0; s < batch.sequences() && !closed; s++) {
                int count = offsets[s + 1] - offsets[s];
                Rows rows = memory.add(prefix.states(), offsets[s], count);
                if (rows == null) {
                    rows = disk.add(prefix.states(), offsets[s], count);
                }
                if (rows == null) {
                    closed = true; // whatever is smaller and would fit yet: the first examples are those that are kept
                    return;
                }
                entries.put(batch.examples()[s], new Entry(rows, positions(batch, prefix.rows(), offsets, s), count));
            }
        }

        /**
         * What the last of the kept stages gives, in the current scope.
         *
         * @return null where it is not kept for each of the batch's examples
         */
        Tensor find(List<Stage> stages, TokenBatch batch) {
            if (paths.isEmpty()) {
                return null;
            }
            if (!matches(stages, batch)) {
                misses.add(batch.sequences());
                return null;
            }
            hits.add(batch.sequences());
            int rows = 0;
            for (long example : batch.examples()) {
                rows += entries.get(example).count();
            }
            return Tensor.filled(engine, Shape.of(rows, width), dtype, out -> copy(batch, out));
        }

        private boolean matches(List<Stage> stages, TokenBatch batch) {
            int n = paths.size();
            if (stages.size() < n
                    || !stages.subList(0, n).stream().map(Stage::path).toList().equals(paths)) {
                return false;
            }
            int[] rows = stages.get(n - 1).rows();
            int[] offsets = rows == null ? null : batch.offsetsOf(rows);
            for (int s = 0; s < batch.sequences(); s++) {
                Entry entry = entries.get(batch.examples()[s]);
                if (entry == null || !Arrays.equals(entry.tokens(), positions(batch, rows, offsets, s))) {
                    return false;
                }
            }
            return true;
        }

        private void copy(TokenBatch batch, Storage out) {
            MemoryRows.Gathering gathering = memory.gathering(out, width);
            long at = 0;
            for (long example : batch.examples()) {
                Entry entry = entries.get(example);
                if (entry.rows() instanceof MemoryRows.Place place) {
                    gathering.add(place, at, entry.count());
                } else if (entry.rows() instanceof DiskRows.Place place) {
                    place.copy(out, at * width);
                }
                at += entry.count();
            }
            gathering.end();
        }
    }

    /** The positions in sequence {@code s} of those of its tokens that are among {@code rows}; null for all. */
    private static int[] positions(TokenBatch batch, int[] rows, int[] offsets, int s) {
        if (rows == null) {
            return null;
        }
        int[] positions = Arrays.copyOfRange(rows, offsets[s], offsets[s + 1]);
        for (int i = 0; i < positions.length; i++) {
            positions[i] -= batch.offsets()[s];
        }
        return positions;
    }
}
