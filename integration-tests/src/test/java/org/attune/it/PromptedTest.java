package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.attune.evaluation.ClassPrediction;
import org.attune.generation.Decoding;
import org.attune.generation.Decoding.Beams;
import org.attune.generation.Decoding.Patience;
import org.attune.generation.Decoding.Sampling;
import org.attune.generation.Generated;
import org.attune.generation.Generator;
import org.attune.kernel.generation.LoadedGenerator;
import org.attune.kernel.plugins.ConfiguredAdapter;
import org.attune.kernel.run.AdapterFolder;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.PrefixCache;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Stepper;
import org.attune.kernel.step.TrainerSetup;
import org.attune.kernel.step.Wiring;
import org.attune.kernel.step.Workers;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.models.source.FolderModelLoader;
import org.attune.peft.bottleneck.NonLinearity;
import org.attune.peft.prompt.Mam;
import org.attune.peft.prompt.MamOptions;
import org.attune.peft.prompt.PTuning;
import org.attune.peft.prompt.PrefixTuning;
import org.attune.peft.prompt.PrefixTuningOptions;
import org.attune.peft.prompt.PromptEncoderOptions;
import org.attune.peft.prompt.PromptEncoderOptions.Encoder;
import org.attune.peft.prompt.PromptTuning;
import org.attune.peft.prompt.PromptTuningOptions;
import org.attune.peft.prompt.PromptTuningOptions.Init;
import org.attune.peft.prompt.Unipelt;
import org.attune.peft.prompt.UnipeltOptions;
import org.attune.plugin.UserError;
import org.attune.tensor.cpu.CpuEngine;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.testkit.Golden;
import org.attune.trainers.CausalLm;
import org.attune.trainers.CausalLmOptions;
import org.attune.trainers.Classification;
import org.attune.trainers.ClassificationOptions;
import org.attune.trainers.Pooling;
import org.attune.training.Adapter;
import org.attune.training.Sample;
import org.attune.training.Trainer;
import org.attune.training.Weighting;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Real models with something before each sequence: passes of any kind see it, and sequences nothing of each other. */
class PromptedTest {
    /** The token that ends a text of {@link SmallDecoder}. */
    private static final int END = 10;

    @TempDir
    Path folder;

    private record Method<O extends Record>(Adapter<O> adapter, O options) {
        void attach(Wiring wiring, ParameterStore parameters) {
            adapter.attach(options, wiring.attachment(parameters.claim(Optional.empty())));
        }

        @Override
        public String toString() {
            return options.toString();
        }
    }

    private static Stream<Method<?>> methods() {
        return Stream.of(
                new Method<>(new PrefixTuning(), new PrefixTuningOptions(7, false, 0)),
                new Method<>(new PrefixTuning(), new PrefixTuningOptions(3, true, 0)),
                new Method<>(new Mam(), new MamOptions(6, 9, 2, NonLinearity.RELU, 4, List.of())),
                new Method<>(new PromptTuning(), new PromptTuningOptions(5, Init.RANDOM, "")),
                new Method<>(new PTuning(), new PromptEncoderOptions(4, Encoder.LSTM, 8, 2)));
    }

    /** A model with a method attached to it. */
    private static final class Prompted implements AutoCloseable {
        final Model model;
        final ParameterStore parameters;
        final Wiring wiring;
        final Session session;
        private final TensorEngine engine;
        private final Workers workers = new Workers(2, "prompted");
        final PrefixCache cache;
        final Stepper stepper;

        /** @param pooling of a classifier; null for a language model */
        Prompted(
                TensorEngine engine, Model model, Pooling pooling, int microTokens, Path cached, Method<?>... methods) {
            this.engine = engine;
            this.model = model;
            parameters = new ParameterStore(engine, model, 11);
            wiring = new Wiring(model);
            for (Method<?> method : methods) {
                method.attach(wiring, parameters);
            }
            TrainerSetup setup = new TrainerSetup(parameters.claim(Optional.empty()), model, List.of("a", "b", "c"));
            Trainer.Objective objective = pooling != null
                    ? new Classification().open(new ClassificationOptions(64, 0, pooling), setup)
                    : new CausalLm().open(new CausalLmOptions(64, 0, "", "", ""), setup);
            session = new Session(objective, wiring, List.of());
            cache = new PrefixCache(engine, cached == null ? 0 : 1 << 24, 0, cached);
            stepper = new Stepper(engine, model, parameters, workers, new StepSettings(2, microTokens, 0), cache);
        }

        double[] logits(List<Sample> samples) {
            return stepper.logits(session, samples);
        }

        Generator generator() {
            return new LoadedGenerator(engine, model, parameters, wiring, Optional.empty(), 2, () -> {});
        }

        @Override
        public void close() {
            stepper.close();
            cache.close();
            parameters.close();
            workers.close();
            model.close();
        }
    }

    private static Model golden(TensorEngine engine, String name) {
        Path path = Golden.path("models/" + name);
        return new FolderModelLoader()
                .load(path.toString(), path, engine, WeightForm.decoded(engine.dtype()))
                .orElseThrow();
    }

    private static List<Sample> samples(boolean classes, int[]... ids) {
        List<Sample> samples = new ArrayList<>();
        for (int[] sequence : ids) {
            int n = samples.size();
            samples.add(new Sample(n, sequence, new int[sequence.length], classes ? new int[] {n % 3} : sequence));
        }
        return samples;
    }

    private static Stream<Method<?>> withGates() {
        return Stream.concat(methods(), Stream.of(new Method<>(new Unipelt(), gates(false))));
    }

    private static UnipeltOptions gates(boolean padded) {
        return new UnipeltOptions(3, 4, List.of("query", "value"), 4, NonLinearity.RELU, 1, padded);
    }

    @ParameterizedTest
    @MethodSource("withGates")
    void sequencesSeeNothingOfEachOther(Method<?> method) {
        TensorEngine engine = new ReferenceEngine();
        boolean gated = method.options() instanceof UnipeltOptions;
        for (String name : gated ? List.of("bert") : List.of("bert", "gpt2", "llama")) {
            boolean classes = name.equals("bert");
            try (Prompted prompted =
                    new Prompted(engine, golden(engine, name), classes ? Pooling.MODEL : null, 1000, null, method)) {
                int[] first = {5, 17, 31, 8};
                int[] second = {9, 44, 23};
                int[] third = {12, 6, 40, 7, 28};
                double[] one = prompted.logits(samples(classes, first, second, third));
                double[] other = prompted.logits(samples(classes, first, new int[] {21, 13, 90}, third));
                int width = one.length / (classes ? 3 : prompted.wiring.virtualIds().length * 3 + 12);
                int virtual = prompted.wiring.virtualIds().length;
                int before = classes ? 1 : virtual + 4;
                int changed = classes ? 1 : virtual + 3;
                assertThat(Arrays.copyOf(other, before * width)).isEqualTo(Arrays.copyOf(one, before * width));
                assertThat(Arrays.copyOfRange(other, (before + changed) * width, other.length))
                        .isEqualTo(Arrays.copyOfRange(one, (before + changed) * width, one.length));
                assertThat(other).isNotEqualTo(one);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("withGates")
    void cutsAndCachesOfABatchChangeNoLoss(Method<?> method) {
        TensorEngine engine = new ReferenceEngine();
        List<Sample> samples = samples(true, new int[] {5, 17, 31, 8}, new int[] {9, 44}, new int[] {12, 6, 40, 7, 28});
        List<Double> losses = new ArrayList<>();
        List<Double> shares = new ArrayList<>();
        for (int microTokens : new int[] {1, 1000}) {
            for (Path cached : new Path[] {null, folder.resolve("cache")}) {
                try (Prompted prompted =
                        new Prompted(engine, golden(engine, "bert"), Pooling.MODEL, microTokens, cached, method)) {
                    while (prompted.stepper.keep(prompted.session, prompted.cache.training(), samples)) {
                        assertThat(prompted.cache.training().seen()).isPositive();
                    }
                    losses.add(prompted.stepper
                            .gradients(prompted.session, samples, 0)
                            .loss());
                    shares.add(Arrays.stream(prompted.stepper.predict(prompted.session, samples).stream()
                                    .mapToDouble(p -> ((ClassPrediction) p).probabilities()[0])
                                    .toArray())
                            .sum());
                }
            }
        }
        assertThat(losses).allSatisfy(loss -> assertThat(loss).isCloseTo(losses.get(0), offset(1e-12)));
        assertThat(shares).allSatisfy(share -> assertThat(share).isCloseTo(shares.get(0), offset(1e-12)));
    }

    @ParameterizedTest
    @MethodSource("methods")
    void aCacheOfKeysChangesNoToken(Method<?> method) throws IOException {
        for (SmallDecoder decoder : SmallDecoder.values()) {
            for (TensorEngine engine : List.of(new ReferenceEngine(), new CpuEngine())) {
                Model model = decoder.load(folder, engine, engine.dtype());
                try (Prompted prompted = new Prompted(engine, model, null, 1000, null, method);
                        Generator generator = prompted.generator()) {
                    List<int[]> prompts = prompts(20); // more than have a place at once, of different lengths
                    List<Generated> all = generator.generate(prompts, Decoding.greedy(24), (prompt, piece) -> true);
                    boolean otherwise = false;
                    for (int i = 0; i < prompts.size(); i++) {
                        assertThat(all.get(i).promptTokens()).isEqualTo(prompts.get(i).length);
                        int[] text = prompts.get(i);
                        for (int id : all.get(i).ids()) {
                            assertThat(id).as("%s %s", decoder, engine.name()).isEqualTo(likeliest(prompted, text));
                            otherwise |= id != likeliest(WholePass.next(engine, model, text));
                            text = append(text, id);
                        }
                    }
                    assertThat(otherwise).isTrue();
                }
            }
        }
    }

    /** So many beams that no continuation of two tokens is left out. */
    @ParameterizedTest
    @MethodSource("methods")
    void beamsFindTheLikeliestContinuation(Method<?> method) throws IOException {
        TensorEngine engine = new ReferenceEngine();
        Decoding all = new Decoding(2, Sampling.GREEDY, new Beams(11, 0, Patience.CERTAIN), 1, List.of(), 0);
        Model model = SmallDecoder.LLAMA.load(folder, engine, engine.dtype());
        try (Prompted prompted = new Prompted(engine, model, null, 1000, null, method);
                Generator generator = prompted.generator()) {
            int[] text = {3, 1, 4};
            double[] first = next(prompted, text);
            int[] best = {END};
            double most = first[END];
            for (int a = 0; a < END; a++) {
                double[] second = next(prompted, append(text, a));
                for (int b = 0; b <= END; b++) {
                    if (first[a] + second[b] > most) {
                        most = first[a] + second[b];
                        best = new int[] {a, b};
                    }
                }
            }
            assertThat(generator.generate(List.of(text), all).get(0).ids()).isEqualTo(best);
        }
    }

    private static List<int[]> prompts(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> IntStream.range(0, 1 + i * 7 % 19)
                        .map(j -> (3 * i + j * j) % 10)
                        .toArray())
                .toList();
    }

    private static int[] append(int[] ids, int next) {
        int[] longer = Arrays.copyOf(ids, ids.length + 1);
        longer[ids.length] = next;
        return longer;
    }

    /** Natural logarithms of the probabilities of what follows a text, without a cache. */
    private static double[] next(Prompted prompted, int[] text) {
        double[] all = prompted.logits(samples(false, text));
        int vocabulary = all.length / (text.length + prompted.wiring.virtualIds().length);
        double[] x = Arrays.copyOfRange(all, all.length - vocabulary, all.length);
        double sum = Math.log(Arrays.stream(x).map(Math::exp).sum());
        return Arrays.stream(x).map(v -> v - sum).toArray();
    }

    private static int likeliest(Prompted prompted, int[] text) {
        return likeliest(next(prompted, text));
    }

    private static int likeliest(double[] x) {
        return IntStream.range(0, x.length)
                .reduce((a, b) -> x[b] > x[a] ? b : a)
                .orElseThrow();
    }

    /** What {@code PeftModel.generate} gives (peft 0.21, transformers 5.18) for the adapters that the traces end with. */
    @ParameterizedTest
    @CsvSource({
        "prefix-tuning, 422 138 453 365 365 365 365 365 310 310 164 422",
        "prompt-tuning, 364 168 442 168 442 168 442 150 197 35 197 35",
        "p-tuning, 62 62 62 62 62 62 62 274 62 274 62 274"
    })
    void greedyContinuationsArePefts(String method, String expected) {
        TensorEngine engine = new ReferenceEngine();
        AdapterFolder saved = AdapterFolder.read(Golden.path("traces/llama/" + method + "/adapter_final"));
        try (Model model = golden(engine, "llama");
                ParameterStore parameters = new ParameterStore(engine, model, 0);
                ConfiguredAdapter adapted =
                        ConfiguredAdapter.ofPeft(new ClassPathPlugins().withAdapters(), saved.config(), () -> {})) {
            parameters.restore(saved.values(model), Map.of());
            Wiring wiring = new Wiring(model);
            adapted.attach(wiring.attachment(parameters.claim(Optional.empty())));
            try (Generator generator =
                    new LoadedGenerator(engine, model, parameters, wiring, Optional.empty(), 2, () -> {})) {
                int[] ids = generator
                        .generate(List.of(new int[] {7, 9, 21, 33}), Decoding.greedy(12))
                        .get(0)
                        .ids();
                assertThat(Arrays.stream(ids).mapToObj(String::valueOf).collect(Collectors.joining(" ")))
                        .isEqualTo(expected);
            }
        }
    }

    /** Gates of no weight do not read what they see, so that nothing is left through which padding could act. */
    @ParameterizedTest
    @EnumSource(Pooling.class)
    void nothingButTheGatesOfPaddedTextsDependsOnPadding(Pooling pooling) {
        TensorEngine engine = new ReferenceEngine();
        Method<?> unipelt = new Method<>(new Unipelt(), gates(true));
        List<Sample> one = samples(true, new int[] {5, 17, 31});
        List<Sample> beside = samples(true, new int[] {5, 17, 31}, new int[] {12, 6, 40, 7, 28});
        try (Prompted prompted = new Prompted(engine, golden(engine, "bert"), pooling, 1000, null, unipelt)) {
            double[] alone = prompted.logits(one);
            double[] padded = Arrays.copyOf(prompted.logits(beside), alone.length);
            assertThat(IntStream.range(0, 3)
                            .mapToDouble(i -> Math.abs(alone[i] - padded[i]))
                            .max()
                            .orElseThrow())
                    .isGreaterThan(1e-6);
            prompted.parameters.all().forEach((name, values) -> {
                if (name.endsWith("gate.weight")) {
                    values.set(new double[values.toDoubles().length]);
                }
            });
            assertThat(Arrays.copyOf(prompted.logits(beside), 3)).containsExactly(prompted.logits(one), offset(1e-12));
        }
    }

    @Test
    void whatAdaptersTakeOfThePositionsIsSaid() throws IOException {
        TensorEngine engine = new ReferenceEngine();
        Model model = SmallDecoder.GPT2.load(folder, engine, engine.dtype());
        Method<?> prefix = new Method<>(new PrefixTuning(), new PrefixTuningOptions(12, false, 0));
        assertTaken(new Prompted(engine, model, null, 1000, null, prefix));
        Method<?> prompt = new Method<>(new PromptTuning(), new PromptTuningOptions(12, Init.VOCABULARY, ""));
        assertTaken(
                new Prompted(engine, SmallDecoder.GPT2.load(folder, engine, engine.dtype()), null, 1000, null, prompt));
    }

    private static void assertTaken(Prompted twelve) {
        try (twelve;
                Generator generator = twelve.generator()) {
            assertThat(twelve.wiring.positionsTaken()).isEqualTo(12);
            assertThatThrownBy(() -> generator.generate(List.of(new int[84]), Decoding.greedy(1)))
                    .isInstanceOf(UserError.class)
                    .hasMessage("prompt 1 has 84 tokens, but the model has only 96 positions,"
                            + " of which the adapters take 12; shorten it");
            assertThat(generator
                            .generate(List.of(new int[80]), Decoding.greedy(50))
                            .get(0)
                            .ids())
                    .hasSizeLessThanOrEqualTo(4);
        }
    }

    /** The words of a text, again from the beginning, are the first values of a prompt. */
    @Test
    void aPromptBeginsAsItsText() throws IOException {
        TensorEngine engine = new ReferenceEngine();
        Model model = SmallDecoder.LLAMA.load(folder, engine, engine.dtype());
        Method<?> prompt = new Method<>(new PromptTuning(), new PromptTuningOptions(5, Init.TEXT, "7 2"));
        try (Prompted prompted = new Prompted(engine, model, null, 1000, null, prompt)) {
            double[] words = model.weights().get("model.embed_tokens.weight").toDoubles();
            double[] rows =
                    prompted.parameters.find("prompt_embeddings").orElseThrow().toDoubles();
            int[] expected = {7, 2, 7, 2, 7};
            for (int i = 0; i < expected.length; i++) {
                assertThat(Arrays.copyOfRange(rows, 32 * i, 32 * i + 32))
                        .isEqualTo(Arrays.copyOfRange(words, 32 * expected[i], 32 * expected[i] + 32));
            }
            try (Prompted bare =
                    new Prompted(engine, SmallDecoder.LLAMA.load(folder, engine, engine.dtype()), null, 1000, null)) {
                assertThat(prompted.logits(samples(false, new int[] {3, 1})))
                        .isEqualTo(bare.logits(samples(false, new int[] {7, 2, 7, 2, 7, 3, 1})));
            }
        }
    }

    /** What a run has saved is what the next one begins from, the encoder included: a learning rate of 0 keeps it. */
    @Test
    void aSavedEncoderIsTrainedOn() throws Exception {
        TensorEngine engine = new ReferenceEngine();
        Map<String, String> specs = new LinkedHashMap<>();
        specs.put("prefix-tuning", "length: 3, projection: true, hidden: 6");
        specs.put("p-tuning", "length: 3, encoder: lstm, hidden: 6");
        SmallRuns runs = new SmallRuns(folder, engine);
        for (Map.Entry<String, String> spec : specs.entrySet()) {
            Path model = Golden.path("models/bert").toAbsolutePath().normalize();
            Path adapter = runs.train(model, true, "{name: " + spec.getKey() + ", " + spec.getValue() + "}")
                    .resolve("adapter");
            Path again = runs.train(
                            model,
                            "classification",
                            "{name: " + spec.getKey() + ", from: " + adapter + "}",
                            Map.of("optimizer.lr", "0"))
                    .resolve("adapter");
            Map<String, Weighting.Values> saved = AdapterFolder.read(adapter).tensors();
            Map<String, Weighting.Values> kept = AdapterFolder.read(again).tensors();
            assertThat(saved.keySet())
                    .contains("prompt_embeddings", "prompt_encoder.embedding.weight")
                    .isEqualTo(kept.keySet());
            saved.forEach((name, weights) ->
                    // The prompt was computed from weights that were not yet rounded to the file's type.
                    assertThat(kept.get(name).elements())
                            .as(name)
                            .containsExactly(
                                    weights.elements(), offset(name.equals("prompt_embeddings") ? 1e-5f : 0f)));
        }
    }
}
