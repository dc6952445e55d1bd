package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.attune.plugin.UserError;
import org.attune.trial.Catalogue.PluginInfo;
import org.attune.trial.Trial;
import org.attune.trial.TrialState;
import org.junit.Test;

/** The life of a plug-in from outside: built, dropped in, used, updated and removed, all while trials run. */
public class ThirdPartyPluginIT extends InFramework {
    private static final String NAME = "scale-shift";
    private static final Map<String, String> OVERRIDES =
            Map.of("adapters", "[{name: scale-shift, targets: [query, value]}]");

    @Override
    void makePlugins(PluginJars jars) {
        Path folder = Path.of("target/it/ThirdPartyPluginIT").toAbsolutePath();
        try {
            ThirdPartyBuild build = new ThirdPartyBuild(folder);
            for (String version : List.of("1.0.0", "1.0.1")) {
                Files.copy(build.build(version), folder.resolve(NAME + "-" + version + ".jar"));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private static void dropVersion(String version) {
        drop(folder().resolve(NAME + "-" + version + ".jar"), NAME + ".jar");
    }

    private List<String> versions() {
        return catalogue.plugins().stream()
                .filter(p -> p.name().equals(NAME))
                .map(PluginInfo::version)
                .toList();
    }

    private void awaitVersions(String... versions) {
        Await.until(NAME + " " + List.of(versions), () -> versions().equals(List.of(versions)));
    }

    @Test
    public void itComesIsUsedIsUpdatedAndGoesWhileTrialsRun() throws Exception {
        Lab lab = new Lab(folder().resolve("lab"));
        Trial undisturbed = trials.start(lab.specFile(), Map.of(), false);
        assertThat(undisturbed.await(Duration.ofSeconds(90))).isEqualTo(TrialState.COMPLETED);
        Conductor otherConductor = new Conductor();
        Trial other = conducted(otherConductor, lab.specFile(), Map.of(), true);
        otherConductor.awaitStep(1);

        dropVersion("1.0.0");
        awaitVersions("1.0.0");
        assertThat(catalogue.plugins())
                .filteredOn(p -> p.name().equals(NAME))
                .singleElement()
                .satisfies(p -> {
                    assertThat(p.kind()).isEqualTo("adapter");
                    assertThat(p.options()).hasSize(1);
                });
        otherConductor.letGo();
        assertThat(other.await(Duration.ofSeconds(90))).isEqualTo(TrialState.COMPLETED);
        assertThat(Lab.losses(other.folder())).isEqualTo(Lab.losses(undisturbed.folder()));

        Trial expected = trials.start(lab.specFile(), OVERRIDES, false);
        assertThat(expected.await(Duration.ofSeconds(90)))
                .as(expected.message())
                .isEqualTo(TrialState.COMPLETED);
        assertThat(Lab.losses(expected.folder())).hasSize(Lab.STEPS).isNotEqualTo(Lab.losses(undisturbed.folder()));

        otherConductor.close();
        Conductor conductor = new Conductor();
        Trial trial = conducted(conductor, lab.specFile(), OVERRIDES, true);
        conductor.awaitStep(1);
        conductor.steps(19);
        conductor.awaitStep(20);
        dropVersion("1.0.1");
        awaitVersions("1.0.1");
        conductor.steps(10);
        conductor.awaitStep(30);
        removeDropped(NAME + ".jar");
        awaitVersions();
        conductor.steps(1);
        Await.until("waiting", () -> trial.state() == TrialState.WAITING);
        assertThat(trial.message()).isEqualTo("waiting for adapter 'scale-shift'");
        assertThatThrownBy(() -> trials.start(lab.specFile(), OVERRIDES, false))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("no adapter 'scale-shift' is installed");
        dropVersion("1.0.0");
        assertThat(conductor.finish(trial)).as(trial.message()).isEqualTo(TrialState.COMPLETED);
        assertThat(Lab.losses(trial.folder())).isEqualTo(Lab.losses(expected.folder()));
    }
}
