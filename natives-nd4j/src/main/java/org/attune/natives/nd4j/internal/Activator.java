package org.attune.natives.nd4j.internal;

import java.io.File;
import java.io.IOException;
import java.util.Map;
import org.attune.natives.nd4j.Backend;
import org.attune.natives.nd4j.UnusableBackendException;
import org.bytedeco.javacpp.Loader;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;
import org.osgi.framework.FrameworkUtil;
import org.osgi.service.condition.Condition;

/**
 * Says where the libraries are unpacked, then registers the Condition {@code attune.natives.nd4j} with the property
 * {@code attune.nd4j.device}, {@code cpu} or {@code cuda}. With CUDA the backend is loaded and tried first, because an
 * engine on a GPU is the default where it runs; nd4j-native is loaded when it is used.
 */
public final class Activator implements BundleActivator {
    private static final String CONDITION = "attune.natives.nd4j";
    private static final String CACHE = "org.bytedeco.javacpp.cachedir";

    @Override
    public void start(BundleContext context) throws IOException {
        String backend = context.getBundle().getHeaders("").get("Attune-ND4J-Backend");
        String platform = context.getBundle().getHeaders("").get("Attune-ND4J-Platform");
        boolean cuda = backend.contains("cuda");
        useCache(new File(nativesDirectory(context), backend));
        if (!Loader.getPlatform().equals(platform)) {
            stayOff(backend, "it was built for " + platform + ", this is " + Loader.getPlatform());
            return;
        }
        if (cuda) {
            try {
                Backend.load();
            } catch (UnusableBackendException e) {
                stayOff(backend, e.getMessage());
                return;
            }
        }
        context.registerService(
                Condition.class,
                Condition.INSTANCE,
                FrameworkUtil.asDictionary(
                        Map.of(Condition.CONDITION_ID, CONDITION, "attune.nd4j.device", cuda ? "cuda" : "cpu")));
    }

    /** Registered services go with the bundle; the libraries stay loaded until the process ends. */
    @Override
    public void stop(BundleContext context) {}

    private static void stayOff(String backend, String reason) {
        System.err.printf("attune: %s: %s; the engine nd4j stays off (docs/GPU.md)%n", backend, reason);
    }

    private static File nativesDirectory(BundleContext context) {
        String configured = context.getProperty("attune.natives.dir");
        return configured == null ? context.getDataFile("natives") : new File(configured);
    }

    /**
     * JavaCPP reads the property once for each copy of its Loader class, and this bundle has its own copy; this JavaCPP
     * does so as soon as the class is touched, because it loads a library of its own. A directory
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
