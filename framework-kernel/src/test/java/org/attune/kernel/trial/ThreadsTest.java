package org.attune.kernel.trial;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.attune.trial.Trial;
import org.attune.trial.TrialState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The number of threads changes no bit of a trial's losses, scores and weights; the number of lanes may. */
class ThreadsTest {
    @TempDir
    Path folder;

    private Lab lab;

    @BeforeEach
    void lab() {
        lab = new Lab(folder);
    }

    @AfterEach
    void close() {
        lab.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "2", "3", "64"})
    void anyNumberGivesTheSameBits(String threads) {
        List<String> one = Lab.results(lab.complete("threads", "1").folder());
        assertThat(Lab.results(lab.complete("threads", threads).folder())).isEqualTo(one);
    }

    @Test
    void aTrialMayGoOnWithAnotherNumber() throws IOException {
        List<String> undisturbed = Lab.results(lab.complete().folder());
        lab.atStep(3, Trial::stop);
        Path run = Lab.ended(lab.start("threads", "3"), TrialState.SUSPENDED).folder();
        Path spec = run.resolve("spec.yaml");
        Files.writeString(spec, Files.readString(spec).replace("threads: 3", "threads: 1"));
        assertThat(Lab.results(lab.resume(run).folder())).isEqualTo(undisturbed);
    }
}
