package org.attune.kernel.optim;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.attune.kernel.spec.Averaging;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;

/**
 * The running average of each trained parameter, as PyTorch's {@code AveragedModel} computes it: the first parameters that are taken in
 * are the first average, so the values before training never enter. By name, as the optimiser's moments; a parameter that is frozen has
 * none, and is as it is. Without settings there are no averages. Not thread-safe.
 */
public final class WeightAverage implements AutoCloseable {
    /** Begins the names of the averages in a checkpoint. */
    public static final String AVERAGE = "average.";

    private static final int AT_ONCE = 4096;

    private final Optional<Averaging> settings;
    private final long total;
    private final Parallel parallel;
    private final Map<String, Tensor> averages = new LinkedHashMap<>();
    /** How many parameters are in each average. */
    private final Map<String, Long> taken = new TreeMap<>();

    /**
     * @param total optimiser steps of the whole run
     * @param parallel shares out the work on many parameters
     */
    public WeightAverage(Optional<Averaging> settings, long total, Parallel parallel) {
        this.settings = settings;
        this.total = total;
        this.parallel = parallel;
    }

    /**
     * Takes in the parameters where they are due.
     *
     * @param steps optimiser steps done
     * @param trained what is trained now, by name; the averages of others are dropped
     */
    public void observe(long steps, Map<String, Tensor> trained) {
        if (settings.isEmpty()) {
            return;
        }
        Averaging how = settings.get();
        Set<String> gone = new TreeSet<>(averages.keySet());
        gone.removeAll(trained.keySet());
        gone.forEach(this::drop);
        if (steps % how.every() != 0 || steps < how.from() * total) {
            return;
        }
        List<String> names = List.copyOf(trained.keySet());
        List<Tensor> all = List.copyOf(trained.values());
        trained.forEach(this::averageOf);
        each(all, piece -> {
            String name = names.get(piece.tensor());
            Tensor p = all.get(piece.tensor());
            long before = taken.getOrDefault(name, 0L);
            double kept = before == 0 ? 0 : how.kept(before);
            Storage average = piece.of(averages.get(name));
            p.engine().affine(average, kept, 0, average);
            p.engine().accumulate(1 - kept, piece.of(p), average);
        });
        names.forEach(name -> taken.merge(name, 1L, Long::sum));
    }

    private Tensor averageOf(String name, Tensor p) {
        return averages.computeIfAbsent(name, n -> Tensor.zeros(p.engine(), p.shape()));
    }

    private void each(List<Tensor> tensors, Consumer<Piece> work) {
        List<Piece> pieces = Piece.cut(tensors);
        parallel.each(pieces.size(), i -> work.accept(pieces.get(i)));
    }

    /**
     * Gives each of {@code trained} that has an average its value, and the average the parameter's. A second call undoes the first to
     * the last bit.
     */
    public void exchange(Map<String, Tensor> trained) {
        List<Tensor> ours = new ArrayList<>();
        List<Tensor> theirs = new ArrayList<>();
        trained.forEach((name, p) -> {
            if (averages.containsKey(name)) {
                ours.add(averages.get(name));
                theirs.add(p);
            }
        });
        each(theirs, piece -> {
            TensorEngine engine = theirs.get(piece.tensor()).engine();
            double[] a = new double[AT_ONCE];
            double[] b = new double[AT_ONCE];
            for (long from = piece.from(); from < piece.from() + piece.size(); from += AT_ONCE) {
                int n = (int) Math.min(AT_ONCE, piece.from() + piece.size() - from);
                Storage x = ours.get(piece.tensor()).storage().slice(from, n);
                Storage y = theirs.get(piece.tensor()).storage().slice(from, n);
                engine.read(x, a, 0, n);
                engine.read(y, b, 0, n);
                engine.write(b, 0, n, x);
                engine.write(a, 0, n, y);
            }
        });
    }

    /** Runs {@code body} while the parameters have the values of their averages. */
    public <T> T during(Map<String, Tensor> trained, Supplier<T> body) {
        exchange(trained);
        try {
            return body.get();
        } finally {
            exchange(trained);
        }
    }

    /** The live averages by {@code average.NAME}: a checkpoint writes them and loads into them. */
    public Map<String, Tensor> tensors() {
        Map<String, Tensor> named = new LinkedHashMap<>();
        averages.forEach((name, average) -> named.put(AVERAGE + name, average));
        return Collections.unmodifiableMap(named);
    }

    /** What a resumed run needs beside {@link #tensors}. */
    public ObjectNode state() {
        ObjectNode state = JsonNodeFactory.instance.objectNode();
        taken.forEach(state::put);
        return state;
    }

    /**
     * Goes on where an earlier sitting stopped; the averages are to be loaded into {@link #tensors}.
     *
     * @param state what {@link #state} gave
     * @param parameters at least those that were trained
     */
    public void restore(ObjectNode state, Map<String, Tensor> parameters) {
        state.properties().forEach(e -> {
            averageOf(e.getKey(), parameters.get(e.getKey()));
            taken.put(e.getKey(), e.getValue().asLong());
        });
    }

    /** Drops all averages. */
    public void forget() {
        new TreeSet<>(averages.keySet()).forEach(this::drop);
    }

    private void drop(String name) {
        averages.remove(name).close();
        taken.remove(name);
    }

    /** Frees the averages. */
    @Override
    public void close() {
        forget();
    }
}
