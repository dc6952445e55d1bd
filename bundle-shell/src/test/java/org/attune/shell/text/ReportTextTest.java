package org.attune.shell.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.attune.evaluation.Table;
import org.attune.plugin.UserError;
import org.attune.shell.cli.FakeTrial;
import org.attune.trial.TrialReport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTextTest {
    private static String text(TrialReport report, boolean tables) {
        return ReportText.of("quick", report, Path.of("runs/quick"), tables, 80, Glyphs.ASCII);
    }

    @Test
    void theHeadlineComesFirstThenScoresBesideBaselinesThenFacts() {
        assertThat(text(FakeTrial.REPORT, false)).isEqualTo("""
                        quick: accuracy 0.7640, macro-F1 -

                        score     better  fine-tuned  tf-idf
                        --------  ------  ----------  ------
                        accuracy  up          0.7640  0.6510
                        f1_macro  up               -       -
                        log_loss  down        0.8125       -

                        confusion
                        true  noun  verb
                        ----  ----  ----
                        noun     7     1
                        verb     0    12

                        training loss by step
                        3.25 |**
                             | *
                             | **
                             |  *
                             |  *
                             |  *
                             |  *
                        0.75 |  *
                              1 3

                        trained      157,466 of 22,870,682 parameters (0.69 %)
                        training     62.5 s - 128 examples/s - 8,000 examples - 310,220 tokens
                        evaluation   5.3 s
                        precision    float16 - 2 steps skipped
                        peak memory  812 MiB
                        run folder   runs/quick
                        """);
    }

    @Test
    void aLargeTableIsNamedUntilItIsAskedFor() {
        List<String> header = Collections.nCopies(26, "c");
        TrialReport report = new TrialReport(
                List.of(),
                List.of(new Table("confusion", header, Collections.nCopies(26, Collections.nCopies(26, "1")))),
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                List.of(),
                Map.of(),
                "float32",
                0);

        assertThat(text(report, false)).contains("confusion: 26 x 26, shown by: ./attune report --tables ");
        assertThat(text(report, true)).contains("confusion\nc  c");
        assertThat(text(report, false)).startsWith("quick: completed, nothing was measured");
    }

    @Test
    void aReportIsReadBackFromItsFolder(@TempDir Path folder) throws IOException {
        ObjectMapper json = new ObjectMapper();
        ObjectNode tree = json.valueToTree(FakeTrial.REPORT);
        json.writeValue(folder.resolve("report.json").toFile(), tree.put("name", "quick"));

        SavedReport saved = SavedReport.in(folder);

        assertThat(saved.name()).isEqualTo("quick");
        assertThat(text(saved.report(), true)).isEqualTo(text(FakeTrial.REPORT, true));
    }

    @Test
    void whatIsNoReportIsAMistakeInOneLine(@TempDir Path folder) throws IOException {
        assertThatThrownBy(() -> SavedReport.in(folder.resolve("x")))
                .isInstanceOf(UserError.class)
                .hasMessageEndingWith("no such run folder");
        assertThatThrownBy(() -> SavedReport.in(folder))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("there is no report.json");
        Files.writeString(folder.resolve("report.json"), "{\"scores\": 3");
        assertThatThrownBy(() -> SavedReport.in(folder))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("report.json: expected the report of a trial");
        Files.writeString(folder.resolve("report.json"), "");
        assertThatThrownBy(() -> SavedReport.in(folder)).isInstanceOf(UserError.class);
    }
}
