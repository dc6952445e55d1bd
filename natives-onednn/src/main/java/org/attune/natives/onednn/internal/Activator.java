package org.attune.natives.onednn.internal;

import java.io.File;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.attune.natives.onednn.OpenMp;
import org.bytedeco.javacpp.Loader;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;
import org.osgi.framework.FrameworkUtil;
import org.osgi.service.condition.Condition;

/**
 * Unpacks and loads the libraries, then registers the Condition {@code attune.natives.onednn}. Users of oneDNN wait for
 * that Condition; where the bundle has no library for the platform, or it does not load, it never comes and they stay
 * inactive.
 */
public final class Activator implements BundleActivator {
    private static final String CONDITION = "attune.natives.onednn";
    private static final String PLATFORMS = "Attune-Platforms";
    private static final String CACHE = "org.bytedeco.javacpp.cachedir";

    @Override
    public void start(BundleContext context) throws IOException {
        String platforms = context.getBundle().getHeaders("").get(PLATFORMS);
        if (!List.of(platforms.split(",", -1)).contains(Loader.getPlatform())) {
            return; // the kernel warns a trial that is about to run without
        }
        useCache(new File(nativesDirectory(context), "onednn-" + Loader.getVersion("org.bytedeco", "dnnl")));
        try {
            // The count that it has anyway: the first call loads the libraries.
            OpenMp.setThreads(Runtime.getRuntime().availableProcessors());
        } catch (RuntimeException | LinkageError e) {
            System.err.printf(
                    "attune: oneDNN does not load on %s: %s; the engine cpu stays off%n",
                    Loader.getPlatform(), rootMessage(e));
            return;
        }
        context.registerService(
                Condition.class,
                Condition.INSTANCE,
                FrameworkUtil.asDictionary(Map.of(Condition.CONDITION_ID, CONDITION)));
    }

    private static String rootMessage(Throwable e) {
        return e.getCause() == null ? e.toString() : rootMessage(e.getCause());
    }

    /** Registered services go with the bundle; the libraries stay loaded until its class loader is collected. */
    @Override
    public void stop(BundleContext context) {}

    private static File nativesDirectory(BundleContext context) {
        String configured = context.getProperty("attune.natives.dir");
        return configured == null ? context.getDataFile("natives") : new File(configured);
    }

    /**
     * JavaCPP reads the property once for each copy of its Loader class, and this bundle has its own copy. A directory
     * of our own keeps other users of JavaCPP, in this process or another, from replacing files that we have mapped.
     */
    private static void useCache(File directory) throws IOException {
        synchronized (System.getProperties()) {
            String before = System.setProperty(CACHE, directory.getPath());
            try {
                Loader.getCacheDir();
            } finally {
                if (before == null) {
                    System.clearProperty(CACHE);
                } else {
                    System.setProperty(CACHE, before);
                }
            }
        }
    }
}
