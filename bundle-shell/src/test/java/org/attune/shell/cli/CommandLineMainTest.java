package org.attune.shell.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CommandLineMainTest {
    private final Harness harness = new Harness();

    @ParameterizedTest
    @ValueSource(strings = {"run", "resume", "replay", "report", "plugins", "options", "models", "shell", "version"})
    void everyCommandHasHelp(String command) {
        assertThat(harness.attune(command, "--help")).isZero();
        assertThat(harness.out()).contains("Usage: attune " + command);
    }

    @Test
    void withoutACommandTheHelpIsShown() {
        assertThat(harness.attune()).isZero();
        assertThat(harness.out()).contains("attune run examples/quickstart.yaml");
    }

    @Test
    void aMistypedCommandIsOneLineThatNamesTheOthers() {
        assertThat(harness.attune("rnu")).isEqualTo(2);
        assertThat(harness.err())
                .hasLineCount(1)
                .startsWith("attune: no command \"rnu\"; there are: run, resume, study, replay,");
    }

    @Test
    void anUnknownOptionIsOneLine() {
        assertThat(harness.attune("run", "x.yaml", "--sett", "a=b")).isEqualTo(2);
        assertThat(harness.err()).hasLineCount(1).startsWith("attune: ").contains("--sett", "attune run --help");
    }

    @Test
    void aMissingArgumentIsOneLine() {
        assertThat(harness.attune("options")).isEqualTo(2);
        assertThat(harness.err()).hasLineCount(1).startsWith("attune: ").contains("PLUGIN");
    }

    @Test
    void pluginsAreListedByKind() {
        assertThat(harness.attune("plugins")).isZero();
        assertThat(harness.out().lines().skip(2))
                .containsExactly(
                        "adapter  lora            1.2.0    low-rank updates",
                        "trainer  classification  1.0.0    a head over each text");
    }

    @Test
    void optionsAreShownWithTheirDefaults() {
        assertThat(harness.attune("options", "lora")).isZero();
        assertThat(harness.out())
                .containsPattern("rank +integer +8 +>= 1")
                .containsPattern("targets +list of text +\\(required\\)");
    }

    @Test
    void anUnknownPluginIsAMistakeThatNamesTheOthers() {
        assertThat(harness.attune("options", "lorra")).isEqualTo(2);
        assertThat(harness.err()).isEqualTo("attune: no plug-in \"lorra\"; there are: classification, lora\n");
    }
}
