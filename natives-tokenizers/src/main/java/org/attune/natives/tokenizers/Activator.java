package org.attune.natives.tokenizers;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import java.io.File;
import java.util.Map;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;
import org.osgi.framework.FrameworkUtil;
import org.osgi.service.condition.Condition;

/**
 * Loads the tokenizer library, then registers the Condition {@code attune.natives.tokenizers}. Users of tokenizers wait
 * for that Condition; where the platform has no library it never comes and they stay inactive.
 */
public final class Activator implements BundleActivator {
    private static final String CONDITION = "attune.natives.tokenizers";
    private static final String CACHE = "ENGINE_CACHE_DIR";

    @Override
    public void start(BundleContext context) {
        stayOffline();
        try {
            load(nativesDirectory(context));
        } catch (RuntimeException e) {
            System.err.printf(
                    "Tokenizers are not available on %s %s: %s%n",
                    System.getProperty("os.name"), System.getProperty("os.arch"), rootMessage(e));
            return;
        }
        context.registerService(
                Condition.class,
                Condition.INSTANCE,
                FrameworkUtil.asDictionary(Map.of(Condition.CONDITION_ID, CONDITION)));
    }

    /** Registered services go with the bundle; the library stays loaded until its class loader is collected. */
    @Override
    public void stop(BundleContext context) {}

    /**
     * On a cloud machine the library would ask the machine's metadata server who it is and report its use; it checks
     * this property each time, so the property stays set.
     */
    private static void stayOffline() {
        System.setProperty("ai.djl.offline", "true");
    }

    private static File nativesDirectory(BundleContext context) {
        String configured = context.getProperty("attune.natives.dir");
        return configured == null ? context.getDataFile("natives") : new File(configured);
    }

    /** The library is unpacked and loaded by a static initialiser, which finds it through the context class loader. */
    private static void load(File directory) {
        Thread thread = Thread.currentThread();
        ClassLoader contextLoader = thread.getContextClassLoader();
        synchronized (System.getProperties()) {
            String before = System.setProperty(CACHE, directory.getPath());
            thread.setContextClassLoader(Activator.class.getClassLoader());
            try {
                LibUtils.checkStatus();
            } finally {
                thread.setContextClassLoader(contextLoader);
                if (before == null) {
                    System.clearProperty(CACHE);
                } else {
                    System.setProperty(CACHE, before);
                }
            }
        }
    }

    private static String rootMessage(Throwable e) {
        return e.getCause() == null ? e.getMessage() : rootMessage(e.getCause());
    }
}
