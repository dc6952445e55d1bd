package org.attune.kernel.profile;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Set;
import org.attune.tensor.engine.TensorEngine;

/**
 * Measures an engine's kernels from outside: one proxy for all engines, so that none has to count. A call costs a fraction of a
 * microsecond more.
 */
public final class Instrumented implements InvocationHandler {
    private static final Set<String> NOT_KERNELS = Set.of(
            "name",
            "dtype",
            "dtypes",
            "blockTypes",
            "allocate",
            "allocateBlocks",
            "openArena",
            "stats",
            "equals",
            "hashCode",
            "toString");

    private final TensorEngine engine;
    private final Profile profile = new Profile();

    private Instrumented(TensorEngine engine) {
        this.engine = engine;
    }

    /** The same engine, measured. */
    public static TensorEngine of(TensorEngine engine) {
        return (TensorEngine) Proxy.newProxyInstance(
                TensorEngine.class.getClassLoader(), new Class<?>[] {TensorEngine.class}, new Instrumented(engine));
    }

    /**
     * What was measured of an engine.
     *
     * @throws IllegalArgumentException if {@link #of} did not make it
     */
    public static Profile profile(TensorEngine engine) {
        if (Proxy.isProxyClass(engine.getClass()) && Proxy.getInvocationHandler(engine) instanceof Instrumented i) {
            return i.profile;
        }
        throw new IllegalArgumentException("engine '" + engine.name() + "' is not measured");
    }

    /** The engine as it was before {@link #of}: its calls are not counted. */
    static TensorEngine bare(TensorEngine engine) {
        return ((Instrumented) Proxy.getInvocationHandler(engine)).engine;
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
        if (method.getName().equals("equals")) {
            return proxy == arguments[0];
        }
        boolean kernel = !NOT_KERNELS.contains(method.getName());
        long start = kernel ? System.nanoTime() : 0;
        try {
            Object result = method.invoke(engine, arguments);
            if (kernel) {
                profile.add(Work.of(method, arguments), start, System.nanoTime());
            }
            return result;
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }
}
