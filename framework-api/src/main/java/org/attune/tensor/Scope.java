package org.attune.tensor;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.attune.tensor.engine.Arena;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;

/**
 * The extent of one computation on one thread. Tensors made by operations inside live in its arena and are gone when it
 * closes; operations on tensors that need gradients are recorded on its tape.
 *
 * <pre>{@code
 * try (Scope scope = Scope.open(engine)) {
 *     Tensor loss = model(x);
 *     double value = loss.item();
 *     scope.backward(loss, gradients);   // frees the intermediate results as it goes
 * }
 * }</pre>
 *
 * Scopes nest and close in reverse order. With no scope open, the results of operations are persistent, nothing is
 * recorded, and whoever made a tensor closes it.
 */
public final class Scope implements AutoCloseable {
    private static final ThreadLocal<Scope> CURRENT = new ThreadLocal<>();

    private final TensorEngine engine;
    private final Arena arena;
    private final Scope outer;
    private final List<Node> tape = new ArrayList<>();
    private boolean recording = true;
    /** What was allocated in the innermost frame; null outside of frames. */
    private List<Storage> frame;

    private Scope(TensorEngine engine, Scope outer) {
        this.engine = engine;
        this.outer = outer;
        this.arena = engine.openArena();
    }

    /** Opens a scope on this thread. */
    public static Scope open(TensorEngine engine) {
        Scope scope = new Scope(engine, CURRENT.get());
        CURRENT.set(scope);
        return scope;
    }

    /**
     * Runs {@code body} with nothing recorded in the current scope: evaluation, a teacher's pass, the inside of a custom
     * operation. A scope that the body opens records again.
     */
    public static <T> T withoutGradient(Supplier<T> body) {
        Scope scope = CURRENT.get();
        if (scope == null || !scope.recording) {
            return body.get();
        }
        scope.recording = false;
        try {
            return body.get();
        } finally {
            scope.recording = true;
        }
    }

    /** Runs {@code body} in a scope of its own with nothing recorded; what it returns must not hold tensors of the scope. */
    public static <T> T inference(TensorEngine engine, Supplier<T> body) {
        try (Scope scope = open(engine)) {
            scope.recording = false;
            return body.get();
        }
    }

    /**
     * Runs a stretch of a computation, for example a layer, and frees what it made, except its result and what the gradient
     * will read. What {@code body} keeps elsewhere is not to be used afterwards.
     */
    public static Tensor frame(Supplier<Tensor> body) {
        Scope scope = CURRENT.get();
        return scope == null ? body.get() : scope.inFrame(body);
    }

    private Tensor inFrame(Supplier<Tensor> body) {
        List<Storage> outerFrame = frame;
        List<Storage> made = new ArrayList<>();
        int first = tape.size();
        frame = made;
        Tensor result;
        try {
            result = body.get();
        } finally {
            frame = outerFrame;
        }
        Set<Storage> needed = Collections.newSetFromMap(new IdentityHashMap<>());
        needed.add(result.storage());
        for (Node node : tape.subList(first, tape.size())) {
            for (Tensor saved : node.saved()) {
                needed.add(saved.storage());
            }
            for (Tensor kept : node.kept()) {
                needed.add(kept.storage());
            }
        }
        for (Storage storage : made) {
            if (!needed.contains(storage)) {
                storage.close();
            } else if (outerFrame != null) {
                outerFrame.add(storage);
            }
        }
        return result;
    }

    static Storage allocate(TensorEngine engine, long size, DType dtype) {
        Scope scope = CURRENT.get();
        if (scope == null || scope.engine != engine) {
            return engine.allocate(size, dtype);
        }
        Storage storage = scope.arena.allocate(size, dtype);
        if (scope.frame != null) {
            scope.frame.add(storage);
        }
        return storage;
    }

    static boolean recording() {
        Scope scope = CURRENT.get();
        return scope != null && scope.recording;
    }

    /** Whether {@code result} was recorded here and nothing recorded since reads its elements for a gradient. */
    static boolean isIntermediate(Tensor result) {
        Scope scope = CURRENT.get();
        for (int i = scope == null ? -1 : scope.tape.size() - 1; i >= 0; i--) {
            Node node = scope.tape.get(i);
            for (Tensor saved : node.saved()) {
                if (saved.storage() == result.storage()) {
                    return false;
                }
            }
            if (node.output() == result) {
                return true;
            }
        }
        return false;
    }

    static void record(Node node) {
        CURRENT.get().tape.add(node);
    }

    /**
     * Adds the gradient of {@code loss} with respect to every trainable leaf to {@code into}, and empties the tape. All
     * intermediate results of the scope are freed; only leaves and the loss stay readable.
     *
     * @param loss a scalar made in this scope
     * @throws IllegalArgumentException if the loss is not a scalar
     * @throws IllegalStateException if this is not the innermost scope of the thread, or the loss was made elsewhere
     */
    public void backward(Tensor loss, Gradients into) {
        if (loss.shape().size() != 1) {
            throw new IllegalArgumentException("the loss must be a scalar, not of shape " + loss.shape());
        }
        Tensor seed = Tensor.allocate(engine, loss.shape(), loss.dtype());
        engine.fill(seed.storage(), 1);
        BackwardPass pass = new BackwardPass(into);
        pass.use(seed);
        backward(loss, seed, pass);
    }

    /** @param seed the gradient of what matters with respect to {@code y}, of its shape; the pass gives up a use of it */
    void backward(Tensor y, Tensor seed, BackwardPass pass) {
        if (CURRENT.get() != this) {
            throw new IllegalStateException("backward runs in the innermost scope, on the thread that opened it");
        }
        withoutGradient(() -> {
            pass.run(tape, y, seed);
            return null;
        });
        tape.clear();
    }

    @Override
    public void close() {
        if (CURRENT.get() != this) {
            throw new IllegalStateException("scopes close in reverse order, on the thread that opened them");
        }
        tape.clear();
        if (outer == null) {
            CURRENT.remove();
        } else {
            CURRENT.set(outer);
        }
        arena.close();
    }
}
