package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.StreamSupport;
import org.attune.kernel.optim.GradientClipping;
import org.attune.kernel.optim.Pace;
import org.attune.kernel.optim.Updater;
import org.attune.kernel.spec.Optimizer;
import org.attune.kernel.step.Course;
import org.attune.kernel.step.Optimisation;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Stepper;
import org.attune.kernel.step.TrainerSetup;
import org.attune.kernel.step.Wiring;
import org.attune.kernel.step.Workers;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.model.Weights;
import org.attune.models.source.FolderModelLoader;
import org.attune.peft.Lora;
import org.attune.peft.LoraOptions;
import org.attune.tensor.Tensor;
import org.attune.tensor.cpu.CpuEngine;
import org.attune.testkit.Golden;
import org.attune.trainers.CausalLm;
import org.attune.trainers.CausalLmOptions;
import org.attune.training.Sample;
import org.attune.training.Trainer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A real model out of a GGUF file, in float32 on the engine cpu. Expected values: make_expected.py beside the model. */
class SmolLm2Test {
    private static final List<String> PROJECTIONS =
            List.of("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj");

    private static CpuEngine engine;
    private static Model model;
    private static Model inBlocks;
    private static JsonNode expected;
    private static long decodedBytes;
    private static long blockBytes;

    @BeforeAll
    static void load() throws IOException {
        Path folder = Golden.model("smollm2-135m-instruct");
        expected = new ObjectMapper().readTree(folder.resolve("expected.json").toFile());
        engine = new CpuEngine();
        model = load(folder, Weights.DECODED);
        decodedBytes = engine.stats().liveBytes();
        inBlocks = load(folder, Weights.BLOCKS);
        blockBytes = engine.stats().liveBytes() - decodedBytes;
    }

    private static Model load(Path folder, Weights weights) {
        return new FolderModelLoader()
                .load(folder.toString(), folder, engine, new WeightForm(engine.dtype(), weights))
                .orElseThrow();
    }

    private static Model model(Weights weights) {
        return weights == Weights.BLOCKS ? inBlocks : model;
    }

    @AfterAll
    static void close() {
        if (model != null) {
            model.close();
            inBlocks.close();
            engine.close();
        }
    }

    /** What steps take; the parameters are the test's to make. */
    private record Lab(Model model, ParameterStore parameters, Workers workers, Stepper stepper)
            implements AutoCloseable {
        static Lab open(Model model) {
            ParameterStore parameters = new ParameterStore(engine, model, 1);
            Workers workers = new Workers(2, "smollm2");
            return new Lab(
                    model,
                    parameters,
                    workers,
                    new Stepper(engine, model, parameters, workers, new StepSettings(2, Integer.MAX_VALUE, 0)));
        }

        Session session(Wiring wiring) {
            Trainer.Objective objective = new CausalLm()
                    .open(
                            new CausalLmOptions(8192, 0, "", "", ""),
                            new TrainerSetup(parameters.claim(Optional.empty()), model, List.of()));
            return new Session(objective, wiring, List.of());
        }

        @Override
        public void close() {
            stepper.close();
            workers.close();
            parameters.close();
        }
    }

    @Test
    void textsHaveTheExpectedIds() {
        assertThat(expected.get("tokenizer")).hasSize(11).allSatisfy(text -> {
            int[] ids = model.tokenizer().encode(text.get("text").asText(), 8192);
            assertThat(ids).as(text.get("text").asText()).containsExactly(ints(text.get("ids")));
        });
    }

    /** The file's matrices, 30 layers in Q4_1 and the embedding in Q8_0, and 61 norms of 576 float32. */
    @Test
    void matricesInBlocksTakeTheirBytesAndNoMore() {
        long layers = 30L * (2 * 576 * 576 + 2 * 192 * 576 + 3 * 1536 * 576);
        long embedding = 49152L * 576;
        long norms = 61L * 576 * Float.BYTES;
        assertThat(decodedBytes).isEqualTo(Float.BYTES * (layers + embedding) + norms);
        assertThat(blockBytes).isEqualTo(layers / 32 * 20 + embedding / 32 * 34 + norms);
    }

    @ParameterizedTest
    @EnumSource(
            value = Weights.class,
            names = {"DECODED", "BLOCKS"}) // others round the weights
    void everyTokenHasTheExpectedProbability(Weights weights) {
        try (Lab lab = Lab.open(model(weights))) {
            Session session = lab.session(new Wiring(lab.model()));
            assertThat(expected.get("log_probs")).hasSize(3).allSatisfy(text -> {
                int[] ids = ints(text.get("ids"));
                assertThat(model.tokenizer().encode(text.get("text").asText(), 8192))
                        .containsExactly(ids);
                double[] logits = lab.stepper().logits(session, List.of(new Sample(0, ids, new int[ids.length], ids)));
                JsonNode wanted = text.get("token_log_probs");
                assertThat(wanted).hasSize(ids.length - 1);
                int vocabulary = logits.length / ids.length;
                for (int t = 1; t < ids.length; t++) {
                    assertThat(logProbability(logits, (t - 1) * vocabulary, vocabulary, ids[t]))
                            .as("token %d", t)
                            .isCloseTo(wanted.get(t - 1).asDouble(), within(1e-3));
                }
            });
        }
    }

    @Test
    void tenStepsOfLoraHaveTheExpectedLossesAndNorms() {
        List<Double> decoded = tenStepsOfLora(model);
        long live = engine.stats().liveBytes();
        List<Double> blocks = tenStepsOfLora(inBlocks);
        for (int step = 0; step < decoded.size(); step++) {
            assertThat(blocks.get(step)).as("loss of step %d", step).isCloseTo(decoded.get(step), within(1e-4));
        }
        assertThat(engine.stats().liveBytes())
                .as("no copy of the blocks is kept")
                .isEqualTo(live);
    }

    private static List<Double> tenStepsOfLora(Model model) {
        List<Double> found = new ArrayList<>();
        JsonNode trace = expected.get("lora_trace");
        List<Sample> samples = new ArrayList<>();
        for (int s = 0; s < trace.get("input_ids").size(); s++) {
            int[] ids = ints(trace.get("input_ids").get(s));
            samples.add(new Sample(
                    s, ids, new int[ids.length], ints(trace.get("labels").get(s))));
        }
        try (Lab lab = Lab.open(model);
                Updater optimizer = new Updater(new Optimizer.AdamW(1e-3, 0.9, 0.999, 1e-8, 0), lab.workers())) {
            Wiring wiring = new Wiring(model);
            ParameterStore parameters = lab.parameters();
            new Lora()
                    .attach(
                            new LoraOptions(8, 16, 0, PROJECTIONS, false),
                            wiring.attachment(parameters.claim(Optional.empty())));
            Session session = lab.session(wiring);
            assertThat(parameters.all().values().stream()
                            .mapToLong(p -> p.shape().size())
                            .sum())
                    .isEqualTo(trace.get("trainable_parameters").asLong());
            parameters.all().forEach((name, parameter) -> {
                if (name.contains("lora_A")) {
                    parameter.set(start(parameter));
                }
            });
            Optimisation optimisation = new Optimisation(
                    lab.stepper(),
                    parameters,
                    optimizer,
                    GradientClipping.NONE,
                    Optional.empty(),
                    lab.workers(),
                    new Course(1, 1));
            JsonNode losses = trace.get("loss_before_each_step");
            assertThat(losses).hasSize(10);
            for (int step = 0; step < losses.size(); step++) {
                Optimisation.Step done = optimisation.step(session, samples, step, Pace.PEAK);
                double loss = losses.get(step).asDouble();
                double norm = trace.get("gradient_norm_at_each_step").get(step).asDouble();
                assertThat(done.loss()).as("loss of step %d", step).isCloseTo(loss, within(2e-4 * loss));
                assertThat(done.norm()).as("norm of step %d", step).isCloseTo(norm, within(1e-3 * norm));
                found.add(done.loss());
            }
        }
        return found;
    }

    /** A[i][j] = (((31 i + 17 j) mod 97) - 48) / 48 * 0.02. */
    private static double[] start(Tensor a) {
        int columns = a.shape().dim(1);
        double[] values = new double[Math.toIntExact(a.shape().size())];
        for (int k = 0; k < values.length; k++) {
            values[k] = ((31 * (k / columns) + 17 * (k % columns)) % 97 - 48) / 48.0 * 0.02;
        }
        return values;
    }

    private static double logProbability(double[] logits, int from, int vocabulary, int id) {
        double largest = Double.NEGATIVE_INFINITY;
        for (int i = from; i < from + vocabulary; i++) {
            largest = Math.max(largest, logits[i]);
        }
        double sum = 0;
        for (int i = from; i < from + vocabulary; i++) {
            sum += Math.exp(logits[i] - largest);
        }
        return logits[from + id] - largest - Math.log(sum);
    }

    private static int[] ints(JsonNode list) {
        return StreamSupport.stream(list.spliterator(), false)
                .mapToInt(JsonNode::asInt)
                .toArray();
    }
}
