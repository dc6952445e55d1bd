package org.attune.shell.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.attune.plugin.UserError;
import org.attune.shell.text.ExitCode;
import org.attune.trial.ModelMerge;
import org.junit.jupiter.api.Test;

class MergeCommandTest {
    private final Harness harness = new Harness();

    @Test
    void tellsTheLargestDifference() {
        harness.merge = (run, to) -> {
            assertThat(run).isEqualTo(Path.of("runs/a"));
            return new ModelMerge.Outcome(to, 12, 3.1e-6, 8.25);
        };
        assertThat(harness.attune("merge", "runs/a", "out")).isEqualTo(ExitCode.OK);
        assertThat(harness.out().strip())
                .endsWith("out: 12 weights changed; the largest difference of a logit from the model with adapters is"
                        + " 3.1e-06, of logits up to 8.250");
    }

    @Test
    void speaksJson() {
        harness.merge = (run, to) -> new ModelMerge.Outcome(to, 12, 3.1e-6, 8.25);
        assertThat(harness.attune("merge", "runs/a", "out", "--json")).isEqualTo(ExitCode.OK);
        assertThat(harness.out()).contains("\"changed\" : 12", "\"difference\" : 3.1E-6");
    }

    @Test
    void aMistakeIsOneLine() {
        harness.merge = (run, to) -> {
            throw new UserError("runs/a: not a run folder, it has no spec.yaml");
        };
        assertThat(harness.attune("merge", "runs/a", "out")).isEqualTo(ExitCode.MISTAKE);
        assertThat(harness.err()).contains("runs/a: not a run folder, it has no spec.yaml");
    }
}
