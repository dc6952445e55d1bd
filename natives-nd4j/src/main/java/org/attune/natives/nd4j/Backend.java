package org.attune.natives.nd4j;

import java.io.File;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.ServiceLoader;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;
import org.nd4j.common.config.ND4JClassLoading;
import org.nd4j.common.config.ND4JSystemProperties;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.factory.Nd4jBackend;

/**
 * The one backend that this bundle was built with, {@code nd4j-native} or {@code nd4j-cuda}. Loading it takes a second or
 * more, so it happens when the first storage is asked for. Nothing of ND4J may be touched before.
 */
public final class Backend {
    private static boolean loaded;
    /** Why it could not be loaded. */
    private static String failure;

    private static File cache;

    private Backend() {}

    /** Says where the libraries are unpacked; to be called before {@link #load}. */
    public static synchronized void useCache(File directory) {
        cache = directory;
    }

    /**
     * Loads ND4J, sets it to one thread for each caller, and computes a product with it. Later calls do nothing, or throw
     * what the first one threw, without its cause.
     *
     * @throws UnusableBackendException if the backend does not run here
     */
    public static synchronized void load() {
        if (loaded) {
            return;
        }
        if (failure != null) {
            throw new UnusableBackendException(failure, null);
        }
        try {
            loadAndTry();
            loaded = true;
        } catch (IOException | RuntimeException | LinkageError e) {
            failure = LoadFailure.explain(e, NvidiaDriver.version());
            throw new UnusableBackendException(failure, e);
        }
    }

    private static void loadAndTry() throws IOException {
        setUpJavaCpp();
        // ND4J looks for its parts with the thread's context class loader, which sees no bundle.
        ND4JClassLoading.setNd4jClassloader(Backend.class.getClassLoader());
        if (System.getProperty(ND4JSystemProperties.LOG_INITIALIZATION) == null) {
            System.setProperty(
                    ND4JSystemProperties.LOG_INITIALIZATION, "false"); // an inventory of the machine, for the log
        }
        // Asked here, because ND4J itself would print a stack trace and then say "no backend".
        for (Nd4jBackend backend : ServiceLoader.load(Nd4jBackend.class, Backend.class.getClassLoader())) {
            backend.canRun();
        }
        if (Nd4j.getEnvironment().isCPU()) {
            Nd4j.getEnvironment().setMaxThreads(1);
            Nd4j.getEnvironment().setMaxMasterThreads(1);
            Nd4j.factory().blas().setMaxThreads(1);
        }
        try (INDArray two = Nd4j.ones(1, 2);
                INDArray product = two.mmul(two.transpose())) {
            if (product.getDouble(0) != 2) {
                throw new IllegalStateException("[1 1] [1 1]^T gives " + product.getDouble(0));
            }
        }
    }

    /**
     * JavaCPP reads its properties when its classes are first touched, and this bundle has a copy of its own. A cache of
     * our own keeps other users of JavaCPP, in this process or another, from replacing files that we have mapped. The
     * collector of native arguments is switched off for Attune's other natives, which close all by hand; ND4J leaves some
     * behind in each operation.
     */
    private static void setUpJavaCpp() throws IOException {
        synchronized (System.getProperties()) {
            Map<String, String> ours = new HashMap<>(Map.of("org.bytedeco.javacpp.nopointergc", "false"));
            if (cache != null) {
                ours.put("org.bytedeco.javacpp.cachedir", cache.getPath());
            }
            Map<String, String> before = new HashMap<>();
            ours.forEach((key, value) -> before.put(key, System.setProperty(key, value)));
            try {
                Loader.getCacheDir();
                Pointer.maxBytes();
            } finally {
                before.forEach((key, value) -> {
                    if (value == null) {
                        System.clearProperty(key);
                    } else {
                        System.setProperty(key, value);
                    }
                });
            }
        }
    }
}
