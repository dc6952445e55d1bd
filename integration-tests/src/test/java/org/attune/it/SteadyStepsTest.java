package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.stream.IntStream;
import org.attune.data.Example;
import org.attune.evaluation.Prediction;
import org.attune.kernel.optim.Updater;
import org.attune.kernel.spec.Optimizer;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Stepper;
import org.attune.kernel.step.TrainerSetup;
import org.attune.kernel.step.Wiring;
import org.attune.kernel.step.Workers;
import org.attune.model.Forward;
import org.attune.model.Model;
import org.attune.peft.Lora;
import org.attune.peft.LoraOptions;
import org.attune.tensor.Rng;
import org.attune.tensor.Tensor;
import org.attune.tensor.cpu.CpuEngine;
import org.attune.tensor.engine.Arena;
import org.attune.tensor.engine.EngineStats;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.trainers.Classification;
import org.attune.trainers.ClassificationOptions;
import org.attune.trainers.Pooling;
import org.attune.training.Batch;
import org.attune.training.Sample;
import org.attune.training.Trainer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Steps as a trial takes them, with LoRA, dropout and text of all lengths. */
class SteadyStepsTest {
    private static final int STEPS = 2000;
    private static final int SETTLED = 200;

    @TempDir
    private Path folder;

    private static List<Sample> samples(int n, long seed) {
        List<Sample> samples = new ArrayList<>();
        Rng rng = Rng.of(seed);
        for (int i = 0; i < n; i++) {
            Rng own = rng.at(i);
            int[] ids = new int[1 + own.below(40, 0)];
            for (int t = 0; t < ids.length; t++) {
                ids[t] = own.below(SmallBert.VOCABULARY, 1 + t);
            }
            samples.add(new Sample(seed * 100 + i, ids, new int[ids.length], new int[] {own.below(3, 99)}));
        }
        return samples;
    }

    private static StepSettings settings(int lanes, int microTokens) {
        return new StepSettings(lanes, microTokens, 7);
    }

    /** What the whole process holds would say it, too, but not to the byte: this is the engine's own account, and Java's. */
    @Test
    void twoThousandRaggedStepsHoldNoMoreThanTheFirst() throws Exception {
        CpuEngine engine = new CpuEngine();
        try (Model model = SmallBert.load(folder, engine);
                ParameterStore parameters = new ParameterStore(engine, model, 1);
                Workers workers = new Workers(2, "steady");
                Stepper stepper = new Stepper(engine, model, parameters, workers, settings(2, 64));
                Updater optimizer = new Updater(new Optimizer.AdamW(1e-3, 0.9, 0.999, 1e-8, 0.01), workers)) {
            Session session = session(model, parameters);
            try (Arena one = engine.openArena();
                    Arena two = engine.openArena()) { // as the two workers may, sooner or later
                one.allocate(1, engine.dtype());
                two.allocate(1, engine.dtype());
            }
            EngineStats settled = null;
            long heap = 0;
            for (int step = 0; step < STEPS; step++) {
                Stepper.Result result = stepper.gradients(session, samples(1 + step % 3, step), step);
                assertThat(result.loss()).isFinite();
                optimizer.step(parameters.all(), result.gradients(), 1);
                if (step == SETTLED) {
                    settled = engine.stats();
                    heap = usedHeap();
                }
            }
            EngineStats now = engine.stats();
            assertThat(now.liveBytes()).as("live").isEqualTo(settled.liveBytes());
            assertThat(now.pooledBytes()).as("pooled").isEqualTo(settled.pooledBytes());
            assertThat(now.peakBytes())
                    .as("peak, to a slab for a batch larger than the first ones")
                    .isLessThanOrEqualTo(settled.peakBytes() + settled.pooledBytes());
            assertThat(usedHeap() - heap).as("heap").isLessThan(2 << 20);
        } finally {
            engine.close();
        }
    }

    private static Session session(Model model, ParameterStore parameters) {
        Wiring wiring = new Wiring(model);
        new Lora()
                .attach(
                        new LoraOptions(4, 8, 0.1, List.of("query", "value"), false),
                        wiring.attachment(parameters.claim(Optional.empty())));
        Trainer.Objective objective = new Classification()
                .open(
                        new ClassificationOptions(SmallBert.POSITIONS, 0.1, Pooling.MODEL),
                        new TrainerSetup(parameters.claim(Optional.empty()), model, List.of("a", "b", "c")));
        return new Session(objective, wiring, List.of());
    }

    /** The least of a few counts: a collection may leave garbage that another thread has just made. */
    private static long usedHeap() {
        Runtime runtime = Runtime.getRuntime();
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 5; i++) {
            System.gc();
            least = Math.min(least, runtime.totalMemory() - runtime.freeMemory());
        }
        return least;
    }

    // ---- some rows alone ----

    /** The sum of products of some hidden states with fixed numbers, however they were computed. */
    private record OfRows(BiFunction<Forward, int[], Tensor> encode) implements Trainer.Objective {
        @Override
        public Sample prepare(Example example, long index) {
            throw new UnsupportedOperationException();
        }

        @Override
        public double weight(Sample sample) {
            return 1;
        }

        @Override
        public Tensor logits(Forward forward, Batch batch) {
            int[] rows = IntStream.range(0, batch.tokens().tokens())
                    .filter(i -> i % 3 != 1)
                    .toArray();
            return encode.apply(forward, rows);
        }

        @Override
        public Tensor loss(Forward forward, Batch batch) {
            Tensor hidden = logits(forward, batch);
            double[] factors = new double[(int) hidden.shape().size()];
            Arrays.setAll(factors, Math::cos);
            return hidden.mul(Tensor.of(hidden.engine(), hidden.shape(), factors))
                    .sum();
        }

        @Override
        public List<Prediction> predict(Forward forward, Batch batch) {
            throw new UnsupportedOperationException();
        }
    }

    /** With dropout, whose masks must be those of the whole. */
    @Test
    void someRowsAloneGiveTheLossAndTheGradientsOfAll() throws IOException {
        TensorEngine engine = new ReferenceEngine();
        try (Model model = SmallBert.load(folder, engine);
                ParameterStore parameters = new ParameterStore(engine, model, 1);
                Workers workers = new Workers(1, "rows")) {
            Wiring wiring = session(model, parameters).wiring();
            model.weights().keySet().stream()
                    .filter(n -> n.startsWith("bert.encoder") || n.startsWith("bert.embeddings"))
                    .forEach(parameters.claim(Optional.empty())::train);
            List<double[]> all = step(
                    engine,
                    model,
                    parameters,
                    workers,
                    wiring,
                    (f, rows) -> model.encode(f).gatherRows(rows));
            List<double[]> some = step(engine, model, parameters, workers, wiring, model::encode);
            for (int i = 0; i < all.size(); i++) {
                assertThat(some.get(i)).as("number %d", i).containsExactly(all.get(i), within(1e-11));
            }
        }
    }

    private static List<double[]> step(
            TensorEngine engine,
            Model model,
            ParameterStore parameters,
            Workers workers,
            Wiring wiring,
            BiFunction<Forward, int[], Tensor> encode) {
        try (Stepper stepper = new Stepper(engine, model, parameters, workers, settings(1, 1000))) {
            Session session = new Session(new OfRows(encode), wiring, List.of());
            Stepper.Result result = stepper.gradients(session, samples(4, 1), 3);
            List<double[]> numbers = new ArrayList<>(List.of(new double[] {result.loss()}));
            parameters
                    .all()
                    .values()
                    .forEach(p -> numbers.add(result.gradients().of(p).toDoubles()));
            return numbers;
        }
    }
}
