package org.attune.shell.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.attune.shell.text.ExitCode;
import org.junit.jupiter.api.Test;

class ExportCommandTest {
    private final Harness harness = new Harness();

    @Test
    void asksForTheFormatAndShowsADownloadMeanwhile() {
        harness.export = (source, base, format, type, to) -> {
            assertThat(source).isEqualTo("hf:org/name");
            assertThat(base).isAbsolute();
            assertThat(format + " " + type).isEqualTo("gguf q8_0");
            assertThat(to).isEqualTo(Path.of("out.gguf"));
            assertThat(harness.listeners).hasSize(1);
        };
        assertThat(harness.attune("export", "hf:org/name", "out.gguf", "--gguf", "q8_0"))
                .isEqualTo(ExitCode.OK);
        assertThat(harness.out().strip()).isEqualTo("out.gguf");
        assertThat(harness.listeners).isEmpty();
    }

    @Test
    void withoutAFormatNothingIsDone() {
        assertThat(harness.attune("export", "merged", "out.gguf")).isEqualTo(ExitCode.MISTAKE);
        assertThat(harness.err()).contains("--gguf");
    }
}
