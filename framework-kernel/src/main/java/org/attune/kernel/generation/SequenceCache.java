package org.attune.kernel.generation;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;

/**
 * Keys and values of one sequence's tokens, by the path of the attention, in the engine's own type: they are read once a token, and
 * are few beside the weights. Several threads may write and read rows of their own.
 */
final class SequenceCache implements AutoCloseable {
    private static final int LEAST_ROWS = 64;

    private final TensorEngine engine;
    private final Map<String, Layer> layers = new ConcurrentHashMap<>();
    private final int before;
    private int rows;
    private int length;

    /** @param before rows that an attention may have before those of the tokens */
    SequenceCache(TensorEngine engine, int before) {
        this.engine = engine;
        this.before = before;
    }

    /** @param width of a row of keys, as of values */
    private record Layer(Storage keys, Storage values, int width) {
        void close() {
            keys.close();
            values.close();
        }
    }

    /** How many tokens it holds. */
    int length() {
        return length;
    }

    /** Makes room for {@code tokens} in all; to be called before a pass. */
    void reserve(int tokens) {
        if (before + tokens > rows) {
            rows = Math.max(before + tokens, Math.max(LEAST_ROWS, 2 * rows));
            layers.replaceAll((path, layer) -> {
                Layer grown = copy(layer);
                layer.close();
                return grown;
            });
        }
    }

    private Layer allocate(int width) {
        return new Layer(
                engine.allocate((long) rows * width, engine.dtype()),
                engine.allocate((long) rows * width, engine.dtype()),
                width);
    }

    /** The tokens that are held, with room for {@link #rows}. */
    private Layer copy(Layer old) {
        Layer made = allocate(old.width);
        long held = (long) (before + length) * old.width;
        engine.copy(old.keys.slice(0, held), made.keys.slice(0, held));
        engine.copy(old.values.slice(0, held), made.values.slice(0, held));
        return made;
    }

    /**
     * Puts keys and values of tokens in; they count as held after {@link #advance}.
     *
     * @param row of the first of them, those before the tokens included
     * @param k and v rows of {@code width} elements
     */
    void write(String path, int row, Storage k, Storage v, int width) {
        Layer layer = layers.computeIfAbsent(path, p -> allocate(width));
        long at = (long) row * width;
        engine.copy(k, layer.keys.slice(at, k.size()));
        engine.copy(v, layer.values.slice(at, v.size()));
    }

    /** The first rows of keys. */
    Storage keys(String path, int n) {
        Layer layer = layers.get(path);
        return layer.keys.slice(0, (long) n * layer.width);
    }

    /** The first rows of values. */
    Storage values(String path, int n) {
        Layer layer = layers.get(path);
        return layer.values.slice(0, (long) n * layer.width);
    }

    void advance(int tokens) {
        length += tokens;
    }

    /** Another sequence that begins with the same tokens. */
    SequenceCache fork() {
        SequenceCache fork = new SequenceCache(engine, before);
        fork.rows = rows;
        fork.length = length;
        layers.forEach((path, layer) -> fork.layers.put(path, copy(layer)));
        return fork;
    }

    @Override
    public void close() {
        layers.values().forEach(Layer::close);
        layers.clear();
    }
}
