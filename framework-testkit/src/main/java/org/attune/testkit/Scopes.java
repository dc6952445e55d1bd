package org.attune.testkit;

import java.util.function.Supplier;
import org.attune.tensor.Scope;
import org.attune.tensor.engine.TensorEngine;

/** Computations in a scope of their own that never go backward. */
final class Scopes {
    private Scopes() {}

    @SuppressWarnings("try") // being open is all that the scope is there for
    static <T> T within(TensorEngine engine, Supplier<T> body) {
        try (Scope scope = Scope.open(engine)) {
            return body.get();
        }
    }

    static void run(TensorEngine engine, Runnable body) {
        within(engine, () -> {
            body.run();
            return null;
        });
    }
}
