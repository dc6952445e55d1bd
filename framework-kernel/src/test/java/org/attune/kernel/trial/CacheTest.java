package org.attune.kernel.trial;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.attune.kernel.fake.Classes;
import org.attune.trial.CacheStats;
import org.attune.trial.Trial;
import org.attune.trial.TrialState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Trials of a head alone, over a model without dropout: all of the model is frozen. */
class CacheTest {
    private static final String[] HEAD = {"adapters", "[]"};

    @TempDir
    Path folder;

    private Lab lab;

    @BeforeEach
    void lab() {
        lab = new Lab(folder);
        lab.dropout = 0;
    }

    @AfterEach
    void close() {
        lab.close();
    }

    private Trial complete(String cache) {
        return lab.complete("adapters", "[]", "cache", cache);
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{memory: 0}", "{memory: 0, disk: 8MB}"})
    void theSameBitsComeOut(String cache) {
        Trial without = complete("off");
        assertThat(without.cache()).isEqualTo(CacheStats.NONE);
        Trial with = complete(cache);
        assertThat(Lab.results(with.folder())).isEqualTo(Lab.results(without.folder()));
        // 2.5 epochs of 20 examples, the last of 12; 5 evaluations of 7 examples
        assertThat(with.cache().hits()).isEqualTo(20 + 20 + 12 + 5 * 7);
        assertThat(with.cache().misses()).isZero();
        assertThat(with.folder().resolve("cache")).doesNotExist();
    }

    @Test
    void aSplitThatIsGoneThroughOnceIsNotKept() {
        Trial trial = lab.complete("adapters", "[]", "train.epochs", "1", "evaluate.every", "0");
        assertThat(trial.cache()).isEqualTo(CacheStats.NONE);
    }

    @Test
    void aTrialMayGoOn() {
        List<String> undisturbed = Lab.results(complete("off").folder());
        lab.atStep(7, Trial::stop);
        Trial stopped = Lab.ended(lab.start(HEAD), TrialState.SUSPENDED);
        assertThat(stopped.folder().resolve("cache")).doesNotExist();
        assertThat(Lab.results(lab.resume(stopped.folder()).folder())).isEqualTo(undisturbed);
    }

    @Test
    void aTrainerMayBeReplaced() {
        List<String> undisturbed = Lab.results(complete("off").folder());
        lab.atStep(
                5,
                t -> Lab.elsewhere(() -> {
                    lab.plugins.remove("classes");
                    lab.plugins.add("classes", new Classes());
                }));
        Trial trial = complete("{}");
        assertThat(Lab.results(trial.folder())).isEqualTo(undisturbed);
        assertThat(trial.cache().misses()).isZero();
    }

    @Test
    void adaptersOfTheLowestLayerLeaveNothingToKeep() {
        assertThat(lab.complete().cache()).isEqualTo(CacheStats.NONE);
    }
}
