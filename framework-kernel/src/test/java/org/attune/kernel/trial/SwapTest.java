package org.attune.kernel.trial;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.attune.kernel.fake.Fakes;
import org.attune.kernel.fake.Scale;
import org.attune.plugin.Plugin;
import org.attune.plugin.UserError;
import org.attune.trial.Trial;
import org.attune.trial.TrialState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Plug-ins that leave and come while a trial is under way. */
class SwapTest {
    @TempDir
    Path folder;

    private Lab lab;
    private List<String> undisturbed;

    @BeforeEach
    void undisturbed() {
        lab = new Lab(folder);
        undisturbed = Lab.results(lab.complete().folder());
    }

    @AfterEach
    void close() {
        lab.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"scale", "classes", "pull", "right", "shuffle"})
    void aPluginThatLeavesAndComesBackChangesNothing(String name) {
        Plugin<?> plugin = lab.plugins.get(name);
        // After step 3, so that metric and sampler are away when step 4 is evaluated and an epoch begins.
        lab.atStep(3, t -> Lab.elsewhere(() -> lab.plugins.remove(name)));
        lab.when(TrialState.WAITING, t -> {
            assertThat(t.message()).contains("'" + name + "'");
            lab.plugins.add(name, plugin);
        });
        assertThat(Lab.results(lab.complete().folder())).isEqualTo(undisturbed);
    }

    @Test
    void twoThatLeaveTogetherChangeNothing() {
        lab.atStep(5, t -> {
            Thread one = new Thread(() -> lab.plugins.remove("scale"));
            Thread two = new Thread(() -> lab.plugins.remove("pull"));
            one.start();
            two.start();
            try {
                one.join();
                two.join();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        lab.when(TrialState.WAITING, t -> {
            assertThat(t.message()).isEqualTo("waiting for adapter 'scale', regularizer 'pull'");
            lab.plugins.add("pull", new Fakes.Pull());
            lab.plugins.add("scale", new Scale());
        });
        assertThat(Lab.results(lab.complete().folder())).isEqualTo(undisturbed);
    }

    @Test
    void aPluginThatLeavesInTheMiddleOfAStepIsUsedToItsEndAndNoLonger() throws Exception {
        AtomicBoolean first = new AtomicBoolean(true);
        AtomicBoolean gone = new AtomicBoolean();
        AtomicBoolean usedWhenGone = new AtomicBoolean();
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch left = new CountDownLatch(1);
        lab.atStep(
                2,
                t -> lab.classes.onLoss = batch -> {
                    usedWhenGone.compareAndSet(false, gone.get());
                    if (first.getAndSet(false)) {
                        new Thread(() -> {
                                    lab.plugins.remove("classes", begun::countDown);
                                    gone.set(true);
                                    left.countDown();
                                })
                                .start();
                        await(begun);
                    }
                });
        lab.when(TrialState.WAITING, t -> {
            await(left);
            assertThat(t.progress().step()).isEqualTo(3);
            gone.set(false);
            lab.plugins.add("classes", lab.classes);
        });
        assertThat(Lab.results(lab.complete().folder())).isEqualTo(undisturbed);
        assertThat(usedWhenGone).isFalse();
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void anAdapterMayLeaveWhileTheDataIsRead() {
        CountDownLatch begun = new CountDownLatch(1);
        lab.numbers.onOpen = () -> {
            new Thread(() -> lab.plugins.remove("scale", begun::countDown)).start();
            await(begun);
            lab.numbers.onOpen = () -> {};
        };
        lab.when(TrialState.WAITING, t -> lab.plugins.add("scale", new Scale()));
        assertThat(Lab.results(lab.complete().folder())).isEqualTo(undisturbed);
    }

    @Test
    void anAdapterMayLeaveJustBeforeTheDataIsRead() {
        AtomicBoolean first = new AtomicBoolean(true);
        lab.when(
                TrialState.PREPARING,
                t -> lab.plugins.onFind = (kind, name) -> {
                    if (name.equals("numbers") && first.getAndSet(false)) {
                        Lab.elsewhere(() -> lab.plugins.remove("scale"));
                    }
                });
        lab.when(TrialState.WAITING, t -> lab.plugins.add("scale", new Scale()));
        assertThat(Lab.results(lab.complete().folder())).isEqualTo(undisturbed);
    }

    @Test
    void oneThatIsReplacedWhilePausedChangesNothing() {
        lab.atStep(4, Trial::pause);
        lab.when(TrialState.PAUSED, t -> {
            assertThat(t.progress().step()).isEqualTo(4);
            Lab.elsewhere(() -> lab.plugins.remove("scale"));
            lab.plugins.add("scale", new Scale());
            t.unpause();
        });
        assertThat(Lab.results(lab.complete().folder())).isEqualTo(undisturbed);
    }

    @Test
    void aReplacementWithOtherShapesStopsTheTrialWithItsCheckpointIntact() {
        lab.atStep(5, t -> Lab.elsewhere(() -> lab.plugins.remove("scale")));
        lab.when(TrialState.WAITING, t -> lab.plugins.add("scale", new Scale(1)));
        Trial failed = Lab.ended(lab.start(), TrialState.FAILED);
        assertThat(failed.failure().orElseThrow())
                .isInstanceOf(UserError.class)
                .hasMessageContaining("adapter 'scale': tiny.layer.0.query.scale: was [4], is now [1]")
                .hasMessageContaining("stopped at step 5")
                .hasMessageContaining(failed.folder().toString());
        lab.listeners.clear();
        lab.plugins.add("scale", new Scale());
        assertThat(Lab.results(lab.resume(failed.folder()).folder())).isEqualTo(undisturbed);
    }

    @Test
    void aReplacementThatDoesNotTakeTheOptionsStopsTheTrialWithItsCheckpointIntact() {
        lab.atStep(5, t -> Lab.elsewhere(() -> lab.plugins.remove("scale")));
        lab.when(TrialState.WAITING, t -> lab.plugins.add("scale", new Scale.Renamed()));
        Trial failed = Lab.ended(lab.start(), TrialState.FAILED);
        assertThat(failed.message())
                .contains("adapter 'scale' has no option 'dropout'")
                .contains("step 5");
        lab.listeners.clear();
        lab.plugins.add("scale", new Scale());
        assertThat(Lab.results(lab.resume(failed.folder()).folder())).isEqualTo(undisturbed);
    }

    @Test
    void withoutAReplacementABatchTrialIsSuspendedAtOnceAndGoesOnLater() {
        lab.atStep(5, t -> Lab.elsewhere(() -> lab.plugins.remove("pull")));
        Trial trial = Lab.ended(lab.start(false), TrialState.SUSPENDED);
        assertThat(trial.message()).isEqualTo("regularizer 'pull' went away; checkpoint at step 5 of 10");
        lab.plugins.add("pull", new Fakes.Pull());
        assertThat(Lab.results(lab.resume(trial.folder()).folder())).isEqualTo(undisturbed);
    }

    @Test
    void withoutAReplacementAnInteractiveTrialIsSuspendedAfterAWhile() {
        try (Lab hasty = new Lab(folder.resolve("hasty"), Duration.ofMillis(1))) {
            hasty.atStep(5, t -> Lab.elsewhere(() -> hasty.plugins.remove("pull")));
            assertThat(Lab.ended(hasty.start(), TrialState.SUSPENDED).message()).contains("no replacement came within");
        }
    }

    @Test
    void theJournalAndTheProvenanceTellOfTheSwap() {
        lab.atStep(3, t -> Lab.elsewhere(() -> lab.plugins.remove("scale")));
        lab.when(TrialState.WAITING, t -> lab.plugins.add("scale", new Scale()));
        Path run = lab.complete().folder();
        assertThat(run.resolve("metrics.jsonl"))
                .content()
                .contains("{\"step\":3,\"plugins\":{\"classes\":\"fake 1.0.0\"");
        assertThat(run.resolve("provenance.json"))
                .content()
                .contains("\"from_step\" : 3")
                .contains("\"numbers\"", "\"shuffle\"", "\"right\"");
    }
}
