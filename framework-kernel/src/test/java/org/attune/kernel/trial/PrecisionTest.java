package org.attune.kernel.trial;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.attune.plugin.UserError;
import org.attune.tensor.DType;
import org.attune.tensor.Tensor;
import org.attune.trial.Trial;
import org.attune.trial.TrialReport;
import org.attune.trial.TrialState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Trials over a base model in a narrower type than the engine's own. */
class PrecisionTest {
    private static final ObjectMapper JSON = new ObjectMapper();

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
    @ValueSource(strings = {"float32", "bfloat16", "float16"})
    void aTrialLearnsAsInTheEnginesOwnType(String precision) throws IOException {
        TrialReport wide = lab.complete("train.epochs", "10").report().orElseThrow();
        Trial trial = lab.complete("train.epochs", "10", "precision", precision);
        TrialReport narrow = trial.report().orElseThrow();
        assertThat(narrow.precision()).isEqualTo(precision);
        for (int i = 0; i < wide.curve().size(); i++) {
            assertThat(narrow.curve().get(i)[1]).isCloseTo(wide.curve().get(i)[1], within(0.02));
        }
        assertThat(narrow.curve().get(5)[1])
                .as("and yet it is another type")
                .isNotEqualTo(wide.curve().get(5)[1]);
        JsonNode engine = JSON.readTree(
                        trial.folder().resolve("provenance.json").toFile())
                .at("/sittings/0/engine");
        assertThat(engine.path("type").asText()).isEqualTo("float64");
        assertThat(engine.path("precision").asText()).isEqualTo(precision);
        assertThat(Files.readString(trial.folder().resolve("spec.yaml"))).contains("precision: " + precision + "\n");
    }

    @Test
    void matricesAreNarrowAndVectorsAreNot() {
        lab.complete("precision", "bfloat16");
        for (Tensor weight : lab.models.get(0).weights().values()) {
            assertThat(weight.dtype()).isEqualTo(weight.shape().rank() == 2 ? DType.BFLOAT16 : DType.FLOAT64);
        }
    }

    @Test
    void theEnginesOwnTypeIsTheDefault() throws IOException {
        Trial trial = lab.complete();
        assertThat(trial.report().orElseThrow().precision()).isEqualTo("float64");
        assertThat(Files.readString(trial.folder().resolve("spec.yaml"))).contains("precision: float64\n");
        assertThat(Lab.results(lab.complete("precision", "float64").folder())).isEqualTo(Lab.results(trial.folder()));
    }

    @Test
    void aSuspendedTrialGoesOnInItsPrecision() {
        List<String> undisturbed =
                Lab.results(lab.complete("precision", "bfloat16").folder());
        lab.atStep(4, Trial::stop);
        Path run = Lab.ended(lab.start("precision", "bfloat16"), TrialState.SUSPENDED)
                .folder();
        assertThat(Lab.results(lab.resume(run).folder())).isEqualTo(undisturbed);
    }

    @Test
    void aTypeThatTheEngineLacksIsRefusedWithThoseThatItHas() {
        lab.engines.set(0, new SingleOnly(lab.engine).engine());
        assertThatThrownBy(() -> lab.start("precision", "float16"))
                .isInstanceOf(UserError.class)
                .hasMessage("precision: engine 'reference' has no float16; it has float32, bfloat16");
        assertThat(folder.resolve("runs")).doesNotExist();
    }

    @Test
    void aTypeThatThereIsNotIsRefused() {
        assertThatThrownBy(() -> lab.start("precision", "half"))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("precision: expected one of float64, float32, float16, bfloat16, found 'half'");
    }
}
