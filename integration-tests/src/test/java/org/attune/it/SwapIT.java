package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.trial.Trial;
import org.attune.trial.TrialState;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;
import org.osgi.framework.Bundle;
import org.osgi.framework.Version;
import org.osgi.framework.wiring.BundleWiring;

/** Plug-ins that come, go and change while a trial that uses them runs. */
public class SwapIT extends InFramework {
    private static final String TILT = "[tilt]";

    private Lab lab;

    @Override
    void makePlugins(PluginJars jars) {
        jars.make("it.tilt", "1.0.0", "tilt");
        jars.make("it.tilt", "1.0.1", "tilt");
        jars.make("it.tilt", "1.1.0", "steep");
        jars.make("it.tilt", "2.0.0", "wide");
        for (String name : List.of("pull", "hits", "words")) {
            jars.make("it." + name, "1.0.0", name);
            jars.make("it." + name, "1.0.1", name);
        }
    }

    @Before
    public void makeLab() {
        lab = new Lab(folder().resolve("lab"));
    }

    /** So that one failure does not become many. */
    @After
    public void removePlugins() throws Exception {
        Files.deleteIfExists(pluginsFolder().resolve("tilt.jar"));
        for (Bundle bundle : context.getBundles()) {
            if (bundle.getSymbolicName().startsWith("it.")) {
                bundle.uninstall();
            }
        }
    }

    /** The losses of a trial that nobody disturbs. */
    private List<String> undisturbed(Map<String, String> overrides) throws InterruptedException {
        Conductor conductor = new Conductor();
        Trial trial = conducted(conductor, lab.specFile(), overrides, false);
        assertThat(conductor.finish(trial)).as(trial.message()).isEqualTo(TrialState.COMPLETED);
        return Lab.losses(trial.folder());
    }

    private void awaitState(Trial trial, TrialState state) {
        Await.until("trial " + trial.id() + " " + state, () -> trial.state() == state);
    }

    private void awaitVersion(String bundle, String version) {
        Await.until(bundle + " " + version + " active", () -> {
            Bundle found = bundleNamed(bundle);
            return found != null
                    && found.getState() == Bundle.ACTIVE
                    && found.getVersion().equals(Version.parseVersion(version));
        });
    }

    private void completedAs(List<String> expected, Conductor conductor, Trial trial) throws InterruptedException {
        assertThat(conductor.finish(trial)).as(trial.message()).isEqualTo(TrialState.COMPLETED);
        assertThat(expected).hasSize(Lab.STEPS);
        assertThat(Lab.losses(trial.folder())).isEqualTo(expected);
    }

    @Test
    public void aPluginIsRemovedFromAndDroppedIntoTheWatchedFolder() throws Exception {
        drop(jar("tilt", "1.0.0"), "tilt.jar");
        awaitVersion("it.tilt", "1.0.0");
        Map<String, String> overrides = Map.of("adapters", TILT);
        List<String> expected = undisturbed(overrides);

        Conductor conductor = new Conductor();
        Trial trial = conducted(conductor, lab.specFile(), overrides, true);
        conductor.awaitStep(1);
        conductor.steps(10);
        conductor.awaitStep(11);
        removeDropped("tilt.jar");
        Await.until("it.tilt gone", () -> bundleNamed("it.tilt") == null);
        conductor.steps(1);
        awaitState(trial, TrialState.WAITING);
        assertThat(trial.message()).isEqualTo("waiting for adapter 'tilt'");
        drop(jar("tilt", "1.0.1"), "tilt.jar");
        awaitState(trial, TrialState.RUNNING);
        conductor.awaitStep(12);
        drop(jar("tilt", "1.0.0"), "tilt.jar"); // overwritten: replaced in place
        awaitVersion("it.tilt", "1.0.0");

        completedAs(expected, conductor, trial);
        assertThat(Files.readString(trial.folder().resolve("metrics.jsonl")))
                .contains("{\"step\":11,\"plugins\":{\"classification\":\"org.attune.trainers")
                .contains("\"tilt\":\"it.tilt 1.0.1\"")
                .contains("\"tilt\":\"it.tilt 1.0.0\"");
        removeDropped("tilt.jar");
        Await.until("it.tilt gone", () -> bundleNamed("it.tilt") == null);
    }

    @Test
    public void theBundlesOfTheDistributionAreUpdatedInPlace() throws Exception {
        for (String precision : List.of("float32", "bfloat16")) {
            updatedInPlace("model", precision, Map.of());
            updatedInPlace("llama", precision, Lab.asLanguageModel());
        }
    }

    /** No byte of the base model is read again, for its file is gone, or held twice. */
    private void updatedInPlace(String model, String precision, Map<String, String> kind) throws Exception {
        Map<String, String> overrides = new LinkedHashMap<>(kind);
        overrides.put("precision", precision);
        List<String> expected = undisturbed(overrides);

        Conductor conductor = new Conductor();
        Trial trial = conducted(conductor, lab.specFile(), overrides, true);
        conductor.awaitStep(1);
        conductor.steps(1);
        conductor.awaitStep(2);
        Path weights = lab.folder().resolve(model).resolve("model.safetensors");
        Path aside = weights.resolveSibling("aside");
        Files.move(weights, aside);
        long bytes = liveBytes();
        for (String name : List.of("org.attune.peft", "org.attune.trainers", "org.attune.peft", "org.attune.sources")) {
            Bundle bundle = bundleNamed(name);
            update(bundle, Path.of(java.net.URI.create(bundle.getLocation())));
            long step = trial.progress().step();
            conductor.steps(5);
            conductor.awaitStep(step + 5);
            assertThat(liveBytes())
                    .as("%s in %s after an update of %s", model, precision, name)
                    .isEqualTo(bytes);
        }
        Files.move(aside, weights);

        completedAs(expected, conductor, trial);
    }

    @Test
    public void aRegularizerIsReplaced() throws Exception {
        Bundle pull = install(jar("pull", "1.0.0"));
        Map<String, String> overrides = Map.of("regularizers", "[pull]");
        List<String> expected = undisturbed(overrides);
        assertThat(expected).isNotEqualTo(undisturbed(Map.of()));

        Conductor conductor = new Conductor();
        Trial trial = conducted(conductor, lab.specFile(), overrides, true);
        conductor.awaitStep(1);
        conductor.steps(20);
        conductor.awaitStep(21);
        update(pull, jar("pull", "1.0.1"));

        completedAs(expected, conductor, trial);
        pull.uninstall();
    }

    @Test
    public void aMetricAndADataSourceAreReplaced() throws Exception {
        Bundle hits = install(jar("hits", "1.0.0"));
        Bundle words = install(jar("words", "1.0.0"));
        Map<String, String> overrides =
                Map.of("data", "words", "evaluate.metrics", "[hits]", "evaluate.every", "10", "train.epochs", "5");
        List<String> expected = undisturbed(overrides);

        Conductor conductor = new Conductor();
        Trial trial = conducted(conductor, lab.specFile(), overrides, false);
        conductor.awaitStep(1);
        conductor.steps(11);
        conductor.awaitStep(12);
        update(hits, jar("hits", "1.0.1"));
        update(words, jar("words", "1.0.1"));
        conductor.steps(10);
        conductor.awaitStep(22);
        words.uninstall(); // its examples are read, it is not needed any more

        completedAs(expected, conductor, trial);
        assertThat(trial.report().orElseThrow().scores()).hasSize(1);
        hits.uninstall();
    }

    @Test
    public void aNewForwardPassGoesOnWithTheOldParameters() throws Exception {
        Bundle tilt = install(jar("tilt", "1.0.0"));
        Map<String, String> overrides = Map.of("adapters", TILT);
        List<String> expected = undisturbed(overrides);

        Conductor conductor = new Conductor();
        Trial trial = conducted(conductor, lab.specFile(), overrides, true);
        conductor.awaitStep(1);
        conductor.steps(19);
        conductor.awaitStep(20);
        update(tilt, jar("steep", "1.1.0"));

        assertThat(conductor.finish(trial)).as(trial.message()).isEqualTo(TrialState.COMPLETED);
        List<String> losses = Lab.losses(trial.folder());
        assertThat(losses).hasSize(Lab.STEPS);
        assertThat(losses.subList(0, 20)).isEqualTo(expected.subList(0, 20));
        assertThat(losses.subList(20, Lab.STEPS)).doesNotContainAnyElementsOf(expected);
        tilt.uninstall();
    }

    @Test
    public void otherParametersStopTheTrialWithTheDifferences() throws Exception {
        Bundle tilt = install(jar("tilt", "1.0.0"));
        Map<String, String> overrides = Map.of("adapters", TILT);
        List<String> expected = undisturbed(overrides);

        Conductor conductor = new Conductor();
        Trial trial = conducted(conductor, lab.specFile(), overrides, true);
        conductor.awaitStep(1);
        conductor.steps(19);
        conductor.awaitStep(20);
        update(tilt, jar("wide", "2.0.0"));

        assertThat(conductor.finish(trial)).isEqualTo(TrialState.FAILED);
        String query = "encoder.layer.%d.attention.self.query.tilt";
        assertThat(trial.message())
                .startsWith("the replacement does not fit the trial: adapter 'tilt': ")
                .contains(
                        query.formatted(0) + ": was [32], is now [1]",
                        query.formatted(1) + ": was [32], is now [1]",
                        query.formatted(0) + "_shift [32]: new",
                        query.formatted(1) + "_shift [32]: new")
                .contains("The trial stopped at step 20 with its checkpoint intact")
                .endsWith("resume " + trial.folder());

        update(tilt, jar("tilt", "1.0.0"));
        Trial resumed = trials.resume(trial.folder(), false);
        completedAs(expected, new Conductor(), resumed);
        tilt.uninstall();
    }

    @Test
    public void withoutAReplacementABatchRunIsSuspendedAtOnce() throws Exception {
        Bundle tilt = install(jar("tilt", "1.0.0"));
        Map<String, String> overrides = Map.of("adapters", TILT);
        List<String> expected = undisturbed(overrides);

        Conductor conductor = new Conductor();
        Trial trial = conducted(conductor, lab.specFile(), overrides, false);
        conductor.awaitStep(1);
        conductor.steps(9);
        conductor.awaitStep(10);
        tilt.uninstall();

        assertThat(conductor.finish(trial)).isEqualTo(TrialState.SUSPENDED);
        assertThat(trial.message()).isEqualTo("adapter 'tilt' went away; checkpoint at step 10 of 60");
        tilt = install(jar("tilt", "1.0.0"));
        Trial resumed = trials.resume(trial.folder(), false);
        completedAs(expected, new Conductor(), resumed);
        tilt.uninstall();
    }

    @Test
    public void aThousandSwapsLeaveNothingBehind() throws Exception {
        int swaps = 1000;
        Bundle tilt = install(jar("tilt", "1.0.0"));
        Map<String, String> overrides = Map.of("adapters", TILT, "train.epochs", "100");
        List<String> expected = undisturbed(overrides);

        Conductor conductor = new Conductor();
        Trial trial = conducted(conductor, lab.specFile(), overrides, true);
        conductor.awaitStep(1);
        update(tilt, jar("tilt", "1.0.1"));
        conductor.steps(1);
        conductor.awaitStep(2);
        long bytes = liveBytes();
        int threads = Thread.getAllStackTraces().size();
        List<WeakReference<ClassLoader>> loaders = new ArrayList<>();
        for (int i = 0; i < swaps; i++) {
            loaders.add(loaderOf(tilt));
            update(tilt, jar("tilt", i % 2 == 0 ? "1.0.0" : "1.0.1"));
            conductor.steps(1);
            conductor.awaitStep(3 + i);
        }

        assertThat(liveBytes()).isEqualTo(bytes);
        assertThat(Thread.getAllStackTraces()).hasSizeLessThanOrEqualTo(threads);
        Await.until("all " + swaps + " former class loaders collected", () -> {
            System.gc();
            return loaders.stream().allMatch(l -> l.get() == null);
        });
        assertThat(conductor.finish(trial)).as(trial.message()).isEqualTo(TrialState.COMPLETED);
        assertThat(Lab.losses(trial.folder())).isEqualTo(expected);

        WeakReference<ClassLoader> last = loaderOf(tilt);
        tilt.uninstall();
        refresh(tilt);
        Await.until("class loader collected though the trial is still listed", () -> {
            System.gc();
            return last.get() == null;
        });
        assertThat(trials.list()).contains(trial);
    }

    private static WeakReference<ClassLoader> loaderOf(Bundle bundle) {
        return new WeakReference<>(bundle.adapt(BundleWiring.class).getClassLoader());
    }

    private long liveBytes() {
        return catalogue.engines().stream()
                .filter(e -> e.name().equals("cpu"))
                .findFirst()
                .orElseThrow()
                .liveBytes();
    }
}
