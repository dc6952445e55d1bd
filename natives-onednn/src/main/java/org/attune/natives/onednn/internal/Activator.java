package org.attune.natives.onednn.internal;

import java.io.File;
import java.io.IOException;
import java.util.Map;
import org.bytedeco.javacpp.Loader;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;
import org.osgi.framework.FrameworkUtil;
import org.osgi.service.condition.Condition;

/**
 * Says where the libraries are unpacked, then registers the Condition {@code attune.natives.onednn}. Users of oneDNN
 * wait for that Condition; where the platform has no library it never comes and they stay inactive.
 */
public final class Activator implements BundleActivator {
    private static final String CONDITION = "attune.natives.onednn";
    private static final String SUPPORTED = "linux-x86_64";
    private static final String CACHE = "org.bytedeco.javacpp.cachedir";

    @Override
    public void start(BundleContext context) throws IOException {
        if (!Loader.getPlatform().equals(SUPPORTED)) {
            System.err.printf(
                    "oneDNN is not available on %s (supported: %s); the cpu engine stays off%n",
                    Loader.getPlatform(), SUPPORTED);
            return;
        }
        useCache(new File(nativesDirectory(context), "onednn-" + Loader.getVersion("org.bytedeco", "dnnl")));
        context.registerService(
                Condition.class,
                Condition.INSTANCE,
                FrameworkUtil.asDictionary(Map.of(Condition.CONDITION_ID, CONDITION)));
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
