package org.attune.kernel.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.evaluation.ClassPrediction;
import org.attune.kernel.fake.Classes;
import org.attune.kernel.fake.TinyModel;
import org.attune.plugin.NoOptions;
import org.attune.tensor.DType;
import org.attune.tensor.Rng;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.attune.training.Sample;
import org.attune.training.Trainer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Steps and predictions with what frozen stages gave kept, beside the same without. */
class PrefixCacheTest {
    private static final long PLENTY = 1 << 30;

    @TempDir
    Path folder;

    private final ReferenceEngine engine = new ReferenceEngine();
    private final Workers workers = new Workers(2, "test");
    private final List<AutoCloseable> opened = new ArrayList<>();

    private DType precision = engine.dtype();
    private double dropout;

    @AfterEach
    void nothingIsLeft() throws Exception {
        for (AutoCloseable one : opened) {
            one.close();
        }
        workers.close();
        assertThat(engine.stats().liveBytes()).isZero();
        assertThat(folder.resolve("cache")).doesNotExist();
    }

    private <T extends AutoCloseable> T opened(T one) {
        opened.add(0, one);
        return one;
    }

    private interface Attaching {
        void on(Adapter.Attachment attachment);
    }

    private static final Attaching HEAD_ONLY = on -> {};
    private static final Attaching UPPER = on -> scale(on, "tiny.layer.1.value");
    private static final Attaching LOWER = on -> scale(on, "tiny.layer.0.query");

    private static final Attaching LOWER_SUM =
            on -> on.residual("tiny.layer.0.mlp", (forward, at) -> at.x().mul(0.5));

    private static void scale(Adapter.Attachment on, String path) {
        Tensor factor = on.parameter(path + ".scale", Shape.of(4), Initializer.constant(1.5));
        on.linear(
                path,
                (forward, x, inner) -> forward.dropout(path, inner.apply(x).mul(factor), 0.3));
    }

    /** A model with a head and a cache. */
    private final class Bench {
        private final TinyModel model = opened(new TinyModel(engine, precision, dropout));
        private final ParameterStore parameters = opened(new ParameterStore(engine, model, 3));
        private final PrefixCache cache;
        private final Stepper stepper;
        private Session session;

        Bench(Attaching adapter, long memory, long disk) {
            cache = opened(new PrefixCache(engine, memory, disk, folder.resolve("cache")));
            stepper = opened(new Stepper(
                    engine,
                    model,
                    parameters,
                    workers,
                    new StepSettings(2, 8, Optional.of(precision), false, 5),
                    cache));
            attach(adapter);
        }

        void attach(Attaching adapter) {
            Wiring wiring = new Wiring(model);
            adapter.on(wiring.attachment(parameters.claim(Optional.empty())));
            Trainer.Objective objective = new Classes()
                    .open(
                            new NoOptions(),
                            new TrainerSetup(parameters.claim(Optional.empty()), model, List.of("a", "b", "c")));
            session = new Session(objective, wiring, List.of());
        }

        void keep(PrefixCache.Split split, List<Sample> samples) {
            while (stepper.keep(session, split, samples)) {
                assertThat(split.seen()).isLessThan(samples.size());
            }
        }

        Map<String, double[]> step(List<Sample> samples) {
            Stepper.Result result = stepper.gradients(session, samples, 7);
            Map<String, double[]> numbers = new LinkedHashMap<>();
            numbers.put("loss", new double[] {result.loss()});
            parameters
                    .all()
                    .forEach((name, t) ->
                            numbers.put(name, result.gradients().of(t).toDoubles()));
            return numbers;
        }

        List<double[]> predictions(List<Sample> samples) {
            return stepper.predict(session, samples).stream()
                    .map(p -> ((ClassPrediction) p).probabilities())
                    .toList();
        }

        long calls(Runnable work) {
            long before = engine.stats().kernelCalls();
            work.run();
            return engine.stats().kernelCalls() - before;
        }
    }

    private static List<Sample> samples(int n) {
        List<Sample> samples = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            Rng rng = Rng.of(8).at(i);
            int[] ids = new int[1 + rng.below(6, 0)];
            for (int t = 0; t < ids.length; t++) {
                ids[t] = rng.below(12, 1 + t);
            }
            samples.add(new Sample(i, ids, new int[ids.length], new int[] {rng.below(3, 20)}));
        }
        return samples;
    }

    /** In another order and company than they were kept in. */
    private static List<Sample> batch(List<Sample> samples) {
        return List.of(
                samples.get(40), samples.get(3), samples.get(17), samples.get(41), samples.get(8), samples.get(2));
    }

    private void sameAsWithout(Attaching adapter, long memory, long disk) {
        List<Sample> samples = samples(60);
        Bench without = new Bench(adapter, 0, 0);
        Bench with = new Bench(adapter, memory, disk);
        with.keep(with.cache.training(), samples);
        with.keep(with.cache.evaluation(), samples);
        assertThat(with.step(batch(samples))).usingRecursiveComparison().isEqualTo(without.step(batch(samples)));
        assertThat(with.predictions(samples)).usingRecursiveComparison().isEqualTo(without.predictions(samples));
        assertThat(with.cache.stats().hits()).isEqualTo(66);
        assertThat(with.cache.stats().misses()).isZero();
        assertThat(with.cache.stats().memoryBytes() > 0).isEqualTo(memory > 0);
        assertThat(with.cache.stats().diskBytes() > 0).isEqualTo(memory == 0);
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void memoryChangesNoBit(DType type) {
        precision = type;
        sameAsWithout(HEAD_ONLY, PLENTY, 0);
        sameAsWithout(UPPER, PLENTY, 0);
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void filesChangeNoBit(DType type) {
        precision = type;
        sameAsWithout(HEAD_ONLY, 0, PLENTY);
        sameAsWithout(UPPER, 0, PLENTY);
    }

    @Test
    void whatIsKeptIsNotComputed() {
        List<Sample> samples = samples(60);
        Bench bench = new Bench(HEAD_ONLY, PLENTY, 0);
        long before = bench.calls(() -> bench.step(samples));
        bench.keep(bench.cache.training(), samples);
        assertThat(bench.calls(() -> bench.step(samples))).isLessThan(before * 3 / 4);
        long rows = bench.cache.stats().memoryBytes();
        bench.keep(bench.cache.training(), samples);
        assertThat(bench.cache.stats().memoryBytes()).isEqualTo(rows);
    }

    @Test
    void onlyTheTokensThatTheLossReadsAreKept() {
        List<Sample> samples = samples(60);
        Bench head = new Bench(HEAD_ONLY, 0, PLENTY);
        head.keep(head.cache.training(), samples);
        assertThat(head.cache.stats().diskBytes()).isEqualTo(60L * 4 * 8); // of each the first, 4 wide
        Bench upper = new Bench(UPPER, 0, PLENTY);
        upper.keep(upper.cache.training(), samples);
        int tokens = samples.stream().mapToInt(s -> s.ids().length).sum();
        assertThat(upper.cache.stats().diskBytes()).isEqualTo(tokens * 4L * 8);
    }

    @Test
    void dropoutAmongFrozenStagesIsForTrainingAlone() {
        dropout = 0.25;
        List<Sample> samples = samples(60);
        Bench bench = new Bench(HEAD_ONLY, PLENTY, 0);
        bench.keep(bench.cache.training(), samples);
        assertThat(bench.cache.training().closed()).isTrue();
        assertThat(bench.cache.stats().memoryBytes()).isZero();
        bench.keep(bench.cache.evaluation(), samples);
        assertThat(bench.cache.stats().memoryBytes()).isPositive();
        assertThat(bench.predictions(samples))
                .usingRecursiveComparison()
                .isEqualTo(new Bench(HEAD_ONLY, 0, 0).predictions(samples));
    }

    @Test
    void anEmbeddingAloneIsNotWorthIt() {
        Bench bench = new Bench(LOWER, PLENTY, PLENTY);
        bench.keep(bench.cache.training(), samples(60));
        assertThat(bench.cache.training().closed()).isTrue();
        assertThat(bench.cache.stats().memoryBytes() + bench.cache.stats().diskBytes())
                .isZero();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anotherAdapterDropsWhatItMakesWrong(boolean residual) {
        Attaching lower = residual ? LOWER_SUM : LOWER;
        List<Sample> samples = samples(60);
        Bench bench = new Bench(HEAD_ONLY, PLENTY, 0);
        bench.keep(bench.cache.training(), samples);
        bench.attach(lower);
        Bench fresh = new Bench(lower, 0, 0);
        assertThat(bench.predictions(samples)).usingRecursiveComparison().isEqualTo(fresh.predictions(samples));
        assertThat(bench.cache.stats().memoryBytes()).isZero();
    }

    @Test
    void aNewWiringOfTheSameStagesKeepsIt() {
        List<Sample> samples = samples(60);
        Bench bench = new Bench(UPPER, PLENTY, 0);
        bench.keep(bench.cache.training(), samples);
        long held = bench.cache.stats().memoryBytes();
        bench.attach(UPPER);
        bench.step(samples);
        assertThat(bench.cache.stats().memoryBytes()).isEqualTo(held);
        assertThat(bench.cache.stats().hits()).isEqualTo(60);
    }

    /** The first examples are those that are kept, whatever the workers do; the others are computed apart from them. */
    @Test
    void roomForSomeIsTakenByTheFirst() {
        List<Sample> samples = samples(60);
        Bench bench = new Bench(HEAD_ONLY, 0, 25L * 4 * 8);
        bench.keep(bench.cache.training(), samples);
        assertThat(bench.cache.stats().diskBytes()).isEqualTo(25L * 4 * 8);
        Map<String, double[]> step = bench.step(samples);
        assertThat(bench.cache.stats().hits()).isEqualTo(25);
        assertThat(bench.cache.stats().misses()).isEqualTo(35);
        new Bench(HEAD_ONLY, 0, 0)
                .step(samples)
                .forEach((name, numbers) -> assertThat(step.get(name)).containsExactly(numbers, within(1e-12)));
        Bench again = new Bench(HEAD_ONLY, 0, 25L * 4 * 8);
        again.keep(again.cache.training(), samples);
        assertThat(again.step(samples)).usingRecursiveComparison().isEqualTo(step);
    }

    @Test
    void whatMemoryDoesNotHoldGoesToFiles() {
        List<Sample> samples = samples(60);
        Bench bench = new Bench(UPPER, 40L * 4 * 8, PLENTY);
        bench.keep(bench.cache.training(), samples);
        assertThat(bench.cache.stats().memoryBytes()).isEqualTo(40L * 4 * 8);
        assertThat(bench.cache.stats().diskBytes()).isPositive();
        assertThat(bench.step(batch(samples)))
                .usingRecursiveComparison()
                .isEqualTo(new Bench(UPPER, 0, 0).step(batch(samples)));
    }
}
