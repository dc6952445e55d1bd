package org.attune.kernel.trial;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.attune.kernel.fake.Freezer;
import org.attune.kernel.run.AdapterFolder;
import org.attune.plugin.NoOptions;
import org.attune.training.Adapter;
import org.attune.training.StepListener;
import org.attune.trial.Progress;
import org.attune.trial.Trial;
import org.attune.trial.TrialListener;
import org.attune.trial.TrialState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An adapter that freezes and unfreezes weights while training runs, and remembers gradients. */
class StepListenerTest {
    private static final String[] FREEZING = {"adapters", "[{name: freezer}]"};

    @TempDir
    Path folder;

    private Lab lab;
    private final Freezer freezer = new Freezer();

    @BeforeEach
    void lab() {
        lab = new Lab(folder);
        lab.plugins.add("freezer", freezer);
    }

    @AfterEach
    void close() {
        lab.close();
    }

    @Test
    void whatHappenedIsInTheJournal() throws IOException {
        List<String> told = new ArrayList<>();
        lab.listeners.add(new TrialListener() {
            @Override
            public void noted(Trial trial, long step, String note) {
                told.add(step + " " + note);
            }
        });
        Path run = lab.complete(FREEZING).folder();
        assertThat(Files.readAllLines(run.resolve("metrics.jsonl")))
                .contains(
                        "{\"step\":0,\"frozen\":[\"tiny.embeddings.weight\"]}",
                        "{\"step\":3,\"unfrozen\":[\"tiny.embeddings.weight\"]}",
                        "{\"step\":6,\"frozen\":[\"tiny.layer.0.query.weight\",\"tiny.layer.0.query.bias\"]}",
                        "{\"step\":7,\"freezer\":[4]}");
        assertThat(told)
                .containsExactly(
                        "0 frozen: tiny.embeddings.weight",
                        "3 unfrozen: tiny.embeddings.weight",
                        "6 frozen: 2 tensors, tiny.layer.0.query.weight to tiny.layer.0.query.bias",
                        "7 freezer: 4");
    }

    @Test
    void whatIsFrozenKeepsItsValueAndFreesItsMemory() {
        List<Long> live = new ArrayList<>();
        lab.listeners.add(new TrialListener() {
            @Override
            public void step(Trial trial, Progress progress) {
                live.add(lab.engine.stats().liveBytes());
            }
        });
        String[] constant = {"adapters", "[{name: freezer}]", "schedule", "{name: constant, warmup: 0}"};
        Path frozen = lab.complete(constant).folder();
        Path shorter = lab.complete(
                        "adapters",
                        "[{name: freezer}]",
                        "schedule",
                        "{name: constant, warmup: 0}",
                        "train.max_steps",
                        "" + Freezer.FREEZES)
                .folder();
        // Gradients in three lanes and two moments of the embedding come, then those of the lower layer go.
        long embedding = 8L * 12 * 4;
        long lower = 8L * (4 * 4 + 4);
        assertThat(live.get(3) - live.get(2)).isEqualTo(5 * embedding);
        assertThat(live.get(6) - live.get(4)).isEqualTo(-5 * lower);
        for (String name : Freezer.LOWER) {
            assertThat(saved(frozen, name)).isEqualTo(saved(shorter, name));
        }
        String other = "tiny.layer.1.query.weight";
        assertThat(saved(frozen, other)).isNotEqualTo(saved(shorter, other));
    }

    private static float[] saved(Path run, String name) {
        return AdapterFolder.read(run.resolve("adapter")).tensors().get(name).elements();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 9})
    void aTrialThatIsStoppedGoesOnAsIfNothingHadBeen(long step) {
        List<String> undisturbed = Lab.results(lab.complete(FREEZING).folder());
        lab.atStep(step, Trial::stop);
        Trial stopped = Lab.ended(lab.start(FREEZING), TrialState.SUSPENDED);
        assertThat(Lab.results(lab.resume(stopped.folder()).folder())).isEqualTo(undisturbed);
    }

    @ParameterizedTest
    @ValueSource(longs = {4, 5, 6, 8})
    void aTrialThatIsKilledGoesOnAsIfNothingHadBeen(long step) {
        AtomicReference<Path> left = new AtomicReference<>();
        lab.atStep(step, t -> left.set(lab.killed(t)));
        List<String> undisturbed = Lab.results(lab.complete(FREEZING).folder());
        assertThat(Lab.results(lab.resume(left.get()).folder())).isEqualTo(undisturbed);
    }

    @ParameterizedTest
    @ValueSource(longs = {2, 4, 6, 7})
    void theAdapterMayBeReplaced(long step) {
        List<String> undisturbed = Lab.results(lab.complete(FREEZING).folder());
        lab.atStep(
                step,
                t -> Lab.elsewhere(() -> {
                    lab.plugins.remove("freezer");
                    lab.plugins.add("freezer", new Freezer());
                }));
        assertThat(Lab.results(lab.complete(FREEZING).folder())).isEqualTo(undisturbed);
    }

    @ParameterizedTest
    @ValueSource(strings = {"off", "{}"})
    void keptLayersFollowWhatIsTrained(String cache) {
        lab.dropout = 0;
        String[] other = {"adapters", "[{name: freezer}]", "cache", cache, "sampler", "shuffle"};
        assertThat(Lab.results(lab.complete(other).folder()))
                .isEqualTo(Lab.results(lab.complete(FREEZING).folder()));
    }

    /** All weights train in the first two steps, the last layer's alone afterwards. */
    private static final class Front implements Adapter<NoOptions> {
        @Override
        public Class<NoOptions> options() {
            return NoOptions.class;
        }

        @Override
        public void attach(NoOptions options, Attachment on) {
            on.weights().forEach(on::train);
            on.eachStep(new StepListener() {
                @Override
                public void before(Step step) {
                    if (step.number() >= 2) {
                        on.weights().stream()
                                .filter(name -> !name.startsWith("tiny.layer.1."))
                                .forEach(step::freeze);
                    }
                }
            });
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {3, 4, 6, 9})
    void whatFreezesLaterIsKeptFromTheNextEpochOn(long stop) {
        lab.dropout = 0;
        lab.plugins.add("front", new Front());
        String[] three = {"adapters", "[{name: front}]", "train.epochs", "3"};
        Trial without = lab.complete("adapters", "[{name: front}]", "train.epochs", "3", "cache", "off");
        Trial with = lab.complete(three);
        assertThat(Lab.results(with.folder())).isEqualTo(Lab.results(without.folder()));
        // Two epochs of 20 examples, and the evaluations of 7 examples after steps 6, 8, 10 and 12.
        assertThat(with.cache().hits()).isEqualTo(40 + 4 * 7);

        lab.atStep(stop, Trial::stop);
        Trial stopped = Lab.ended(lab.start(three), TrialState.SUSPENDED);
        assertThat(Lab.results(lab.resume(stopped.folder()).folder())).isEqualTo(Lab.results(with.folder()));
    }

    @Test
    void aTrialThatAnAdapterFindsFaultWithFails() {
        freezer.refuses = true;
        assertThat(Lab.ended(lab.start(FREEZING), TrialState.FAILED).message())
                .isEqualTo("freezer: 10 steps are too few");
    }
}
