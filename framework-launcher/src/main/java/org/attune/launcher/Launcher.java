package org.attune.launcher;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.ToIntFunction;
import java.util.stream.Stream;
import org.apache.felix.framework.Felix;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.launch.Framework;
import org.osgi.util.tracker.ServiceTracker;

/**
 * One run of the framework: starts it, calls the main service, stops it.
 *
 * <p>The main service is a {@link ToIntFunction} of {@code String[]} with the property {@code attune.main=true}; it gets
 * the command line on the main thread and returns the exit code. On SIGTERM or SIGINT the {@link Runnable} services with
 * {@code attune.shutdown=true} run first: each returns when what goes on is saved.
 */
final class Launcher {
    private static final String MAIN = "(&(objectClass=java.util.function.ToIntFunction)(attune.main=true))";
    private static final String SHUTDOWN = "(attune.shutdown=true)";
    /** Below the bundles: what is installed but started only by whoever needs it, as the interactive shell does. */
    private static final String ON_DEMAND = "on-demand";

    private static final int MAIN_SERVICE_SECONDS = 10;
    private static final int SHUTDOWN_SECONDS = 60;
    private static final int RETURN_SECONDS = 3;

    private final Directories directories;
    private final Framework framework;
    private final CountDownLatch mainReturned = new CountDownLatch(1);

    Launcher(Directories directories) {
        this.directories = directories;
        framework = new Felix(configuration(directories));
    }

    int run(String[] args) {
        Thread interruption = new Thread(this::interrupted, "attune-shutdown");
        Runtime.getRuntime().addShutdownHook(interruption);
        int code = callMain(args);
        mainReturned.countDown();
        if (isLeftTo(interruption)) {
            return code;
        }
        stop();
        return code;
    }

    private static Map<String, Object> configuration(Directories directories) {
        Map<String, Object> properties = new HashMap<>();
        properties.put(Constants.FRAMEWORK_STORAGE, directories.cache().toString());
        properties.put("felix.log.logger", new FrameworkLog());
        properties.put("attune.natives.dir", directories.natives().toString());
        properties.put("attune.plugins.dir", directories.plugins().toString());
        properties.put("felix.fileinstall.dir", directories.plugins().toString());
        properties.put(
                "felix.fileinstall.tmpdir",
                directories.cache().resolve("fileinstall").toString());
        properties.put("felix.fileinstall.poll", "500");
        // Plug-ins that are there already are started before the main service is called, not one poll later.
        properties.put("felix.fileinstall.noInitialDelay", "true");
        properties.put("felix.fileinstall.enableConfigSave", "false");
        properties.put("felix.fileinstall.configEncoding", "UTF-8");
        properties.put("felix.fileinstall.log.default", "jul");
        properties.put("felix.fileinstall.log.level", "2");
        // JLine's bundle looks for sun.misc.Signal without importing it; else Ctrl-C at the prompt ends the process.
        properties.put(Constants.FRAMEWORK_BOOTDELEGATION, "sun.misc");
        return properties;
    }

    private int callMain(String[] args) {
        try {
            framework.init();
            List<Bundle> bundles = install(directories.bundles());
            install(directories.bundles().resolve(ON_DEMAND));
            framework.start();
            List<String> failures = start(bundles);
            ToIntFunction<String[]> main = mainService();
            if (main == null) {
                System.err.println("attune: no command line after " + MAIN_SERVICE_SECONDS + " s: "
                        + Diagnosis.of(framework.getBundleContext(), failures));
                return 1;
            }
            return main.applyAsInt(args);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return 1;
        } catch (BundleException | IOException | RuntimeException | Error e) {
            System.err.println("attune: ended by an unexpected failure");
            e.printStackTrace();
            return 1;
        }
    }

    private List<Bundle> install(Path directory) throws IOException, BundleException {
        List<Bundle> bundles = new ArrayList<>();
        for (Path jar : jars(directory)) {
            // By reference: the framework reads the jar where it lies instead of copying it. It decodes the location as
            // a form would, so a plus sign needs an escape that a URI does not give it.
            String location = "reference:" + jar.toUri().toString().replace("+", "%2B");
            bundles.add(framework.getBundleContext().installBundle(location));
        }
        return bundles;
    }

    private static List<Path> jars(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> file.toString().endsWith(".jar"))
                    .sorted()
                    .toList();
        }
    }

    /** Starts what can start: one broken bundle must not take the others with it. */
    private static List<String> start(List<Bundle> bundles) {
        List<String> failures = new ArrayList<>();
        for (Bundle bundle : bundles) {
            if (bundle.getHeaders("").get(Constants.FRAGMENT_HOST) == null) {
                try {
                    bundle.start();
                } catch (BundleException e) {
                    String failure = bundle.getSymbolicName() + " does not start: " + Diagnosis.oneLine(e);
                    System.err.println("attune: " + failure);
                    failures.add(failure);
                }
            }
        }
        return failures;
    }

    private ToIntFunction<String[]> mainService() throws InterruptedException {
        BundleContext context = framework.getBundleContext();
        try {
            var tracker = new ServiceTracker<ToIntFunction<String[]>, ToIntFunction<String[]>>(
                    context, context.createFilter(MAIN), null);
            tracker.open();
            return tracker.waitForService(TimeUnit.SECONDS.toMillis(MAIN_SERVICE_SECONDS));
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A signal came: the shutdown hook stops the framework and ends the process, so the main thread waits for it. */
    private static boolean isLeftTo(Thread interruption) {
        try {
            Runtime.getRuntime().removeShutdownHook(interruption);
            return false;
        } catch (IllegalStateException shuttingDown) {
            try {
                interruption.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return true;
        }
    }

    private void interrupted() {
        try {
            Thread saving = new Thread(this::saveWhatGoesOn, "attune-saving");
            saving.setDaemon(true);
            saving.start();
            saving.join(TimeUnit.SECONDS.toMillis(SHUTDOWN_SECONDS));
            if (saving.isAlive()) {
                System.err.println("attune: what goes on was not saved within " + SHUTDOWN_SECONDS + " s");
            }
            mainReturned.await(RETURN_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        stop();
    }

    private void saveWhatGoesOn() {
        BundleContext context = framework.getBundleContext();
        if (context == null) {
            return; // the signal came before the framework was up
        }
        try {
            for (ServiceReference<Runnable> reference : context.getServiceReferences(Runnable.class, SHUTDOWN)) {
                Runnable service = context.getService(reference);
                if (service != null) {
                    service.run();
                }
            }
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private void stop() {
        try {
            framework.stop();
            framework.waitForStop(TimeUnit.SECONDS.toMillis(SHUTDOWN_SECONDS));
            directories.deleteCache();
        } catch (BundleException | IOException e) {
            System.err.println("attune: could not end in order: " + e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
