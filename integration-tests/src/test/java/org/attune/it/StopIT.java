package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.attune.trial.Trial;
import org.attune.trial.TrialState;
import org.junit.Test;

/** Commands to a running trial. */
public class StopIT extends InFramework {
    private static final Map<String, String> OVERRIDES =
            Map.of("evaluate.metrics", "[accuracy]", "evaluate.every", "20");

    @Test
    public void aTrialThatWasPausedStoppedAndResumedEndsAsIfItHadNot() throws Exception {
        Lab lab = new Lab(folder().resolve("lab"));
        Trial undisturbed = trials.start(lab.specFile(), OVERRIDES, true);
        assertThat(undisturbed.await(Duration.ofSeconds(90))).isEqualTo(TrialState.COMPLETED);

        Conductor conductor = new Conductor();
        Trial trial = conducted(conductor, lab.specFile(), OVERRIDES, true);
        conductor.awaitStep(1);
        conductor.steps(16);
        conductor.awaitStep(17);
        trial.pause();
        conductor.steps(1);
        Await.until("paused", () -> trial.state() == TrialState.PAUSED);
        assertThat(trial.progress().step()).isEqualTo(17);
        trial.unpause();
        conductor.steps(15);
        conductor.awaitStep(33);
        trial.stop();
        assertThat(conductor.finish(trial)).isEqualTo(TrialState.SUSPENDED);
        assertThat(trial.message()).isEqualTo("stopped; checkpoint at step 33 of 60");

        Trial resumed = trials.resume(trial.folder(), true);
        assertThat(resumed.await(Duration.ofSeconds(90))).as(resumed.message()).isEqualTo(TrialState.COMPLETED);
        List<String> losses = Lab.losses(undisturbed.folder());
        assertThat(losses).hasSize(Lab.STEPS);
        assertThat(Lab.losses(trial.folder())).isEqualTo(losses);
        assertThat(Folders.contents(trial.folder().resolve("adapter")))
                .isEqualTo(Folders.contents(undisturbed.folder().resolve("adapter")));
        assertThat(resumed.report().orElseThrow().scores())
                .isEqualTo(undisturbed.report().orElseThrow().scores());
    }
}
