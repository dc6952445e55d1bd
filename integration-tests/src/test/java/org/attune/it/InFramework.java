package org.attune.it;

import static org.ops4j.pax.exam.CoreOptions.bundle;
import static org.ops4j.pax.exam.CoreOptions.frameworkProperty;
import static org.ops4j.pax.exam.CoreOptions.junitBundles;
import static org.ops4j.pax.exam.CoreOptions.systemProperty;
import static org.ops4j.pax.exam.CoreOptions.systemTimeout;
import static org.ops4j.pax.exam.CoreOptions.vmOption;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import javax.inject.Inject;
import net.bytebuddy.ByteBuddy;
import org.assertj.core.api.Assertions;
import org.attune.trial.Catalogue;
import org.attune.trial.Trial;
import org.attune.trial.TrialListener;
import org.attune.trial.Trials;
import org.junit.After;
import org.junit.runner.RunWith;
import org.ops4j.pax.exam.Configuration;
import org.ops4j.pax.exam.Option;
import org.ops4j.pax.exam.junit.PaxExam;
import org.ops4j.pax.exam.spi.reactors.ExamReactorStrategy;
import org.ops4j.pax.exam.spi.reactors.PerClass;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.BundleException;
import org.osgi.framework.ServiceRegistration;
import org.osgi.framework.wiring.FrameworkWiring;

/**
 * A test that runs inside of the framework, in a process of its own, among the bundles of the assembled distribution, with the
 * properties that its launcher sets. {@link #configuration} runs outside, all else within.
 */
@RunWith(PaxExam.class)
@ExamReactorStrategy(PerClass.class)
public abstract class InFramework {
    private static final String FOLDER = "attune.it.folder";

    @Inject
    BundleContext context;

    @Inject
    Trials trials;

    @Inject
    Catalogue catalogue;

    private final List<Conductor> conductors = new ArrayList<>();

    @Configuration
    public final Option[] configuration() throws IOException, URISyntaxException {
        Path folder = Path.of("target/it").resolve(getClass().getSimpleName()).toAbsolutePath();
        Folders.delete(folder);
        Path plugins = Files.createDirectories(folder.resolve("plugins"));
        makePlugins(new PluginJars(folder.resolve("jars")));
        List<Option> options = new ArrayList<>();
        for (Path jar : Distribution.bundles()) {
            options.add(bundle(jar.toUri().toString()));
        }
        for (Path jar : Distribution.bundlesOnDemand()) {
            options.add(bundle(jar.toUri().toString()).noStart());
        }
        options.add(bundleOf(Assertions.class));
        options.add(bundleOf(ByteBuddy.class));
        options.add(junitBundles());
        options.add(frameworkProperty("attune.home").value(Distribution.home().toString()));
        options.add(frameworkProperty("attune.natives.dir")
                .value(folder.resolveSibling("natives").toString()));
        options.add(frameworkProperty("attune.plugins.dir").value(plugins.toString()));
        options.add(frameworkProperty("felix.fileinstall.dir").value(plugins.toString()));
        options.add(frameworkProperty("felix.fileinstall.tmpdir")
                .value(folder.resolve("fileinstall").toString()));
        options.add(frameworkProperty("felix.fileinstall.poll").value("100"));
        options.add(frameworkProperty("felix.fileinstall.enableConfigSave").value("false"));
        options.add(systemProperty(FOLDER).value(folder.toString()));
        options.add(systemProperty("attune.shared").value(System.getProperty("attune.shared")));
        options.add(systemProperty("ai.djl.offline").value("true"));
        options.add(
                systemProperty("org.ops4j.pax.logging.DefaultServiceLog.level").value("WARN"));
        for (String flag : Files.readAllLines(Distribution.home().resolve("etc/jvm.args"))) {
            if (flag.startsWith("-") && !flag.contains("java.util.logging")) {
                options.add(vmOption(flag));
            }
        }
        options.add(systemTimeout(120_000));
        return options.toArray(Option[]::new);
    }

    /** Makes the jars that a test will drop in; before the framework starts. */
    void makePlugins(PluginJars jars) {}

    private static Option bundleOf(Class<?> type) throws URISyntaxException {
        return bundle(
                type.getProtectionDomain().getCodeSource().getLocation().toURI().toString());
    }

    /** This test's own folder. */
    static Path folder() {
        return Path.of(System.getProperty(FOLDER));
    }

    /** What {@link #makePlugins} made. */
    static Path jar(String sourcePackage, String version) {
        return folder().resolve("jars").resolve(sourcePackage + "-" + version + ".jar");
    }

    static Path pluginsFolder() {
        return folder().resolve("plugins");
    }

    /** Puts a jar into the watched folder as a careful user does: never half written. */
    static void drop(Path jar, String as) {
        try {
            Path part = pluginsFolder().resolve("." + as + ".part");
            Files.copy(jar, part, StandardCopyOption.REPLACE_EXISTING);
            Files.move(part, pluginsFolder().resolve(as), StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void removeDropped(String name) {
        try {
            Files.delete(pluginsFolder().resolve(name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Installs and starts a plug-in without the watched folder. */
    Bundle install(Path jar) throws BundleException {
        Bundle bundle = context.installBundle(jar.toUri().toString());
        bundle.start();
        return bundle;
    }

    /** Replaces a bundle's code in place and waits until its former code is gone. */
    void update(Bundle bundle, Path jar) throws BundleException, IOException {
        try (var in = Files.newInputStream(jar)) {
            bundle.update(in);
        }
        refresh(bundle);
    }

    void refresh(Bundle bundle) {
        var refreshed = new java.util.concurrent.CountDownLatch(1);
        context.getBundle(0)
                .adapt(FrameworkWiring.class)
                .refreshBundles(List.of(bundle), event -> refreshed.countDown());
        Await.until("refresh of " + bundle, () -> refreshed.getCount() == 0);
    }

    /** The bundle of a symbolic name, in any version; null where there is none. */
    Bundle bundleNamed(String symbolicName) {
        for (Bundle bundle : context.getBundles()) {
            if (symbolicName.equals(bundle.getSymbolicName())) {
                return bundle;
            }
        }
        return null;
    }

    /** A test that failed in mid-trial leaves no trial to the next one. */
    @After
    public final void stopTrials() throws InterruptedException {
        conductors.forEach(Conductor::letGo);
        trials.stopAll();
    }

    /** A trial that stops after each step until the conductor lets it go on. */
    Trial conducted(Conductor conductor, Path spec, Map<String, String> overrides, boolean waitForPlugins) {
        ServiceRegistration<TrialListener> registration = context.registerService(TrialListener.class, conductor, null);
        Trial trial = trials.start(spec, overrides, waitForPlugins);
        conductor.atEnd(registration::unregister);
        conductors.add(conductor);
        return trial;
    }
}
