package org.attune.natives.onednn;

import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;

/**
 * The number of threads that oneDNN uses for work started by one Java thread.
 *
 * <p>oneDNN runs on OpenMP, whose count belongs to the calling thread and is fixed into a primitive when that primitive
 * is created. A worker therefore calls {@link #setThreads} once, before it builds its first primitive.
 *
 * <p>Thread-safe: the setting touches the calling thread only.
 */
public final class OpenMp {
    private static final long SET_NUM_THREADS = addressOf("omp_set_num_threads");
    private static final NativeCall CALL = NativeCall.throughJavaCpp();

    private OpenMp() {}

    /**
     * Lets oneDNN use {@code n} threads, the calling thread among them, for whatever the calling thread starts from now
     * on. Without a call the count is the number of processors, or what {@code OMP_NUM_THREADS} says.
     *
     * @param n at least 1
     * @throws IllegalArgumentException if {@code n} is less than 1
     */
    public static void setThreads(int n) {
        if (n < 1) {
            throw new IllegalArgumentException("number of OpenMP threads: " + n + ", expected at least 1");
        }
        CALL.invoke(SET_NUM_THREADS, n);
    }

    private static long addressOf(String function) {
        Loader.load(dnnl.class);
        try (Pointer address = Loader.addressof(function)) {
            if (address == null) {
                throw new IllegalStateException(function + " is in none of " + Loader.getLoadedLibraries());
            }
            return address.address();
        }
    }

    /**
     * Calls a C function by its address. Java 17 has no public way to do so. JavaCPP has one for its own use: it frees
     * native memory by {@code deallocator(owner)}, one machine word as argument, no result. A C {@code int} argument
     * travels in the same register as a word on every 64-bit platform, so {@code omp_set_num_threads(int)} fits.
     */
    private record NativeCall(Object deallocator, Method deallocate) {
        static NativeCall throughJavaCpp() {
            try (Pointer unowned = new Pointer()) {
                Class<?> type = Class.forName(Pointer.class.getName() + "$NativeDeallocator");
                Constructor<?> constructor = type.getDeclaredConstructor(Pointer.class, long.class, long.class);
                Method deallocate = type.getDeclaredMethod("deallocate", long.class, long.class);
                constructor.setAccessible(true);
                deallocate.setAccessible(true);
                return new NativeCall(constructor.newInstance(unowned, 0L, 0L), deallocate);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("this version of JavaCPP offers no call by address", e);
            }
        }

        void invoke(long function, long argument) {
            try {
                deallocate.invoke(deallocator, argument, function);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("call of a native function by address failed", e);
            }
        }
    }
}
