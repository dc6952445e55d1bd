package org.attune.shell.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.attune.shell.text.ExitCode;
import org.attune.training.Weighting.Kind;
import org.attune.training.Weighting.Sign;
import org.attune.trial.AdapterCombination;
import org.attune.trial.AdapterCombination.Weighted;
import org.junit.jupiter.api.Test;

class CombineCommandTest {
    private final Harness harness = new Harness();

    @Test
    void adaptersAndTheirWeightsAreHandedOn() {
        harness.combination = (adapters, way, to) -> {
            assertThat(adapters).containsExactly(new Weighted(Path.of("a"), 0.7), new Weighted(Path.of("b"), -0.4));
            assertThat(way.type()).isEqualTo(Kind.DARE_TIES_SVD);
            assertThat(way.density()).isEqualTo(0.25);
            assertThat(way.sign()).isEqualTo(Sign.FREQUENCY);
            assertThat(way.rank()).isEqualTo(6);
            return new AdapterCombination.Outcome(to, 384);
        };
        assertThat(harness.attune(
                        "combine",
                        "out",
                        "a",
                        "b",
                        "--weights",
                        "0.7,-0.4",
                        "--type",
                        "dare-ties-svd",
                        "--density",
                        "0.25",
                        "--sign",
                        "frequency",
                        "--rank",
                        "6"))
                .isEqualTo(ExitCode.OK);
        assertThat(harness.out().strip()).isEqualTo("out: 2 adapters combined, 384 parameters");
    }

    @Test
    void aMistakeIsOneLine() {
        assertThat(harness.attune("combine", "out", "a", "b", "--weights", "1")).isEqualTo(ExitCode.MISTAKE);
        assertThat(harness.err()).contains("--weights: expected one for each of the 2 adapters, found 1");
        assertThat(harness.attune("combine", "out", "a", "--type", "mean")).isEqualTo(ExitCode.MISTAKE);
        assertThat(harness.err()).contains("--type mean: expected one of linear, cat, svd, ties, ties-svd");
        assertThat(harness.attune("combine", "out", "a", "--density", "2")).isEqualTo(ExitCode.MISTAKE);
        assertThat(harness.err()).contains("--density 2.0: expected a number from 0 to 1");
    }
}
