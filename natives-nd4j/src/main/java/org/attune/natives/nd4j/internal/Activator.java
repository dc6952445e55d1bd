package org.attune.natives.nd4j.internal;

import java.io.File;
import java.util.Map;
import org.attune.natives.nd4j.Backend;
import org.attune.natives.nd4j.UnusableBackendException;
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

    @Override
    public void start(BundleContext context) {
        String backend = context.getBundle().getHeaders("").get("Attune-ND4J-Backend");
        String platform = context.getBundle().getHeaders("").get("Attune-ND4J-Platform");
        boolean cuda = backend.contains("cuda");
        if (!Platform.current().equals(platform)) {
            if (cuda) { // else the kernel warns a trial that is about to run without native code
                stayOff(backend, "it was built for " + platform + ", this is " + Platform.current());
            }
            return;
        }
        Backend.useCache(new File(nativesDirectory(context), backend));
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
}
