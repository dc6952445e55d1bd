package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.attune.kernel.step.Observation;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.TrainerSetup;
import org.attune.kernel.step.Wiring;
import org.attune.kernel.step.Workers;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.models.source.FolderModelLoader;
import org.attune.peft.Lora;
import org.attune.peft.LoraOptions;
import org.attune.tensor.Tensor;
import org.attune.tensor.cpu.CpuEngine;
import org.attune.tensor.engine.TensorEngine;
import org.attune.testkit.Golden;
import org.attune.trainers.CausalLm;
import org.attune.trainers.CausalLmOptions;
import org.attune.trainers.Classification;
import org.attune.trainers.ClassificationOptions;
import org.attune.trainers.Pooling;
import org.attune.training.Adapter;
import org.attune.training.Sample;
import org.attune.training.Trainer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What LoRA begins with by {@code init: eva}, against the real PEFT on the same batches. */
class EvaTest {
    private static final List<String> MODULES = List.of("torch", "transformers", "peft");
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int SEED = 5;
    private static final int SAMPLES = 12;
    private static final int LABELS = 3;

    @TempDir
    private Path folder;

    private final TensorEngine engine = new CpuEngine();

    /**
     * @param config fields of PEFT's configuration
     * @param eva those of its {@code eva_config}
     */
    private record Case(String model, String config, String eva) {
        private static final List<Case> ALL = List.of(
                new Case("bert", "{\"target_modules\": [\"query\", \"value\"], \"r\": 16}", "{}"),
                new Case(
                        "bert",
                        "{\"target_modules\": \"all-linear\", \"exclude_modules\": [\"pooler.dense\", \"key\"], \"r\": 16}",
                        "{\"tau\": 0.999}"),
                new Case(
                        "bert",
                        "{\"target_modules\": [\"query\", \"output.dense\"], \"r\": 32}",
                        "{\"rho\": 1, \"whiten\": true}"),
                new Case(
                        "llama",
                        "{\"target_modules\": [\"q_proj\", \"v_proj\"], \"r\": 16}",
                        "{\"adjust_scaling_factors\": false}"),
                new Case(
                        "llama",
                        "{\"target_modules\": [\"k_proj\", \"down_proj\"], \"r\": 16, \"rank_pattern\": {\"down_proj\": 24},"
                                + " \"use_rslora\": true}",
                        "{\"rho\": 2}"));

        boolean tokens() {
            return model.equals("llama");
        }

        Path base() {
            return Golden.path("models/" + model).toAbsolutePath().normalize();
        }
    }

    /**
     * Of one batch, again and again, and with ranks so high that a search has as many directions as there are, or nearly: else PEFT's and
     * ours find those that stand out least only about, each its own way.
     */
    @Test
    void firstValuesAndRanksArePefts() throws Exception {
        List<Map<String, Object>> jobs = new ArrayList<>();
        for (Case each : Case.ALL) {
            Map<String, Object> job = new LinkedHashMap<>();
            job.put("base", each.base().toString());
            job.put("task", each.tokens() ? "CAUSAL_LM" : "SEQ_CLS");
            job.put("labels", LABELS);
            job.put("config", JSON.readTree(each.config));
            job.put("eva", JSON.readTree(each.eva));
            job.put("batches", List.of(batch(samples(each.tokens()))));
            jobs.add(job);
        }
        Path in = folder.resolve("jobs.json");
        Path out = folder.resolve("answers.json");
        JSON.writeValue(in.toFile(), jobs);
        Python.run(folder, "eva_peer.py", MODULES, in, out);
        JsonNode answers = JSON.readTree(out.toFile());
        for (int i = 0; i < jobs.size(); i++) {
            compare(Case.ALL.get(i), answers.path(i));
        }
    }

    private void compare(Case each, JsonNode theirs) throws Exception {
        List<Sample> samples = samples(each.tokens());
        Map<String, Object> fields = JSON.readValue(each.config, new TypeReference<>() {});
        fields.put("init_lora_weights", "eva");
        fields.put("eva_config", JSON.readValue(each.eva, new TypeReference<Map<String, Object>>() {}));
        Lora lora = new Lora();
        LoraOptions options = lora.peft().orElseThrow().read(fields);
        try (Model model = new FolderModelLoader()
                        .load(each.base().toString(), each.base(), engine, WeightForm.decoded(engine.dtype()))
                        .orElseThrow();
                ParameterStore parameters = new ParameterStore(engine, model, SEED);
                ParameterStore head = new ParameterStore(engine, model, SEED);
                Workers workers = new Workers(2, "eva")) {
            Trainer.Objective objective = objective(each.tokens(), model, head);
            Observation observation =
                    new Observation(engine, model, parameters, head, workers, new StepSettings(2, 64, SEED));
            Wiring wiring = new Wiring(
                    model, (paths, observer) -> observation.run(objective, samples, SAMPLES, paths, observer));
            lora.attach(options, wiring.attachment(parameters.claim(Optional.empty())));

            Map<String, double[][]> ours = new LinkedHashMap<>();
            parameters.all().forEach((parameter, t) -> {
                if (parameter.endsWith(".lora_A.weight")) {
                    ours.put(parameter.replace(".lora_A.weight", ""), rows(t));
                }
            });
            assertThat(ours.keySet()).hasSameElementsAs(names(theirs.path("factors")));
            ours.forEach(
                    (path, rows) -> compare(path, rows, theirs.path("factors").path(path)));
            JsonNode written = JSON.valueToTree(lora.peft()
                    .orElseThrow()
                    .write(options, model, new Adapter.Trained(parameters.all(), Map.of(), 0)));
            assertSame(written.path("rank_pattern"), theirs.path("rank_pattern"));
            assertSame(written.path("alpha_pattern"), theirs.path("alpha_pattern"));
        }
    }

    private static void assertSame(JsonNode ours, JsonNode theirs) {
        assertThat(names(ours)).hasSameElementsAs(names(theirs));
        for (String name : names(ours)) {
            assertThat(ours.path(name).asDouble())
                    .as(name)
                    .isEqualTo(theirs.path(name).asDouble());
        }
    }

    private static List<String> names(JsonNode object) {
        List<String> names = new ArrayList<>();
        object.fieldNames().forEachRemaining(names::add);
        return names;
    }

    private static double[][] rows(Tensor t) {
        int width = t.shape().dim(1);
        double[] all = t.toDoubles();
        return IntStream.range(0, t.shape().dim(0))
                .mapToObj(k -> Arrays.copyOfRange(all, k * width, (k + 1) * width))
                .toArray(double[][]::new);
    }

    private static void compare(String path, double[][] ours, JsonNode theirs) {
        assertThat(ours.length).as(path).isEqualTo(theirs.size());
        for (int k = 0; k < ours.length; k++) {
            double product = 0;
            double square = 0;
            double other = 0;
            for (int j = 0; j < ours[k].length; j++) {
                double value = theirs.path(k).path(j).asDouble();
                product += ours[k][j] * value;
                square += ours[k][j] * ours[k][j];
                other += value * value;
            }
            assertThat(Math.abs(product) / Math.sqrt(square * other))
                    .as("%s[%d]", path, k)
                    .isCloseTo(1, offset(1e-3));
            assertThat(Math.sqrt(square / other)).as("%s[%d]", path, k).isCloseTo(1, offset(1e-3));
        }
    }

    private static Trainer.Objective objective(boolean tokens, Model model, ParameterStore head) {
        TrainerSetup setup = new TrainerSetup(head.claim(Optional.empty()), model, List.of("a", "b", "c"));
        return tokens
                ? new CausalLm().open(new CausalLmOptions(64, 0, "", "", ""), setup)
                : new Classification().open(new ClassificationOptions(64, 0, Pooling.MODEL), setup);
    }

    /**
     * Of several lengths, of few tokens most of all, so that some directions stand out, as in texts; where none does a search that begins
     * at random finds any of them. In those of a language model only the later part of each counts. */
    private static List<Sample> samples(boolean tokens) {
        SplittableRandom random = new SplittableRandom(3);
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < SAMPLES; i++) {
            int[] ids = random.doubles(random.nextInt(6, 30))
                    .mapToInt(x -> 5 + (int) (40 * x * x * x))
                    .toArray();
            int[] labels = ids.clone();
            Arrays.fill(labels, 0, random.nextInt(1, 4), -100);
            samples.add(new Sample(i, ids, new int[ids.length], tokens ? labels : new int[] {i % LABELS}));
        }
        return samples;
    }

    private static List<Map<String, Object>> batch(List<Sample> samples) {
        return samples.stream()
                .map(sample -> Map.<String, Object>of("ids", sample.ids(), "labels", sample.labels()))
                .toList();
    }
}
