package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.generation.Decoding;
import org.attune.generation.Decoding.Beams;
import org.attune.generation.Decoding.Patience;
import org.attune.generation.Decoding.Sampling;
import org.attune.generation.Generated;
import org.attune.generation.Generated.End;
import org.attune.generation.Generator;
import org.attune.kernel.generation.LoadedGenerator;
import org.attune.kernel.plugins.ConfiguredAdapter;
import org.attune.kernel.spec.PluginRef;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Wiring;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.models.source.FolderModelLoader;
import org.attune.plugin.UserError;
import org.attune.tensor.cpu.CpuEngine;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.testkit.Golden;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Generation by real models: what a cache, a batch, threads, beams and seeds must not change. */
class GenerationTest {
    private static final int[] PROMPT = {3, 1, 4};
    private static final int END = 10;

    @TempDir
    Path folder;

    private static Generator generator(TensorEngine engine, Model model, int threads) {
        ParameterStore none = new ParameterStore(engine, model, 0);
        return new LoadedGenerator(engine, model, none, new Wiring(model), Optional.empty(), threads, () -> {
            none.close();
            model.close();
        });
    }

    private Generator generator(SmallDecoder decoder, int threads) throws IOException {
        TensorEngine engine = new ReferenceEngine();
        return generator(engine, decoder.load(folder, engine, engine.dtype()), threads);
    }

    private static List<int[]> prompts(int count) {
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int[] prompt = new int[1 + i * 7 % 19];
            for (int j = 0; j < prompt.length; j++) {
                prompt[j] = (3 * i + j * j) % 10;
            }
            prompts.add(prompt);
        }
        return prompts;
    }

    private static int[] append(int[] ids, int next) {
        int[] longer = Arrays.copyOf(ids, ids.length + 1);
        longer[ids.length] = next;
        return longer;
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt2", "llama", "qwen2"})
    void greedyContinuationsAreHuggingFaces(String name) throws IOException {
        Path golden = Golden.path("models/" + name);
        JsonNode greedy =
                new ObjectMapper().readTree(golden.resolve("greedy.json").toFile());
        int[] prompt = ints(greedy.get("prompt"));
        int[] all = ints(greedy.get("greedy"));
        int[] expected = Arrays.copyOfRange(all, prompt.length, all.length);
        for (TensorEngine engine : List.of(new ReferenceEngine(), new CpuEngine())) {
            Model model = new FolderModelLoader()
                    .load(golden.toString(), golden, engine, WeightForm.decoded(engine.dtype()))
                    .orElseThrow();
            try (Generator generator = generator(engine, model, 2)) {
                assertThat(generator
                                .generate(List.of(prompt), Decoding.greedy(expected.length))
                                .get(0)
                                .ids())
                        .as(engine.name())
                        .isEqualTo(expected);
            }
        }
    }

    private static int[] ints(JsonNode list) {
        int[] ints = new int[list.size()];
        Arrays.setAll(ints, i -> list.get(i).asInt());
        return ints;
    }

    @ParameterizedTest
    @EnumSource
    void aCacheChangesNoToken(SmallDecoder decoder) throws IOException {
        try (Generator generator = generator(decoder, 2)) {
            int[] generated = generator
                    .generate(List.of(PROMPT), Decoding.greedy(40))
                    .get(0)
                    .ids();
            int[] text = PROMPT;
            for (int id : generated) {
                assertThat(id).isEqualTo(likeliest(next(generator.model(), text)));
                text = append(text, id);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"houlsby", "pfeiffer", "parallel", "compacter"})
    void aCacheChangesNoTokenOfAModelWithBottlenecks(String adapter) throws IOException {
        for (SmallDecoder decoder : SmallDecoder.values()) {
            TensorEngine engine = new ReferenceEngine();
            Model model = decoder.load(folder, engine, engine.dtype());
            ParameterStore parameters = new ParameterStore(engine, model, 0);
            Wiring wiring = new Wiring(model);
            ConfiguredAdapter.named(
                            new ClassPathPlugins().withAdapters(),
                            PluginRef.named(adapter).withOptions(Map.of("reduction_factor", 4)),
                            folder,
                            () -> {})
                    .orElseThrow()
                    .attach(wiring.attachment(parameters.claim(Optional.empty())));
            parameters.all().forEach((name, t) -> {
                double[] values = t.toDoubles();
                Arrays.setAll(values, i -> values[i] + 0.3 * Math.sin(i + name.length()));
                t.set(values);
            });
            try (Generator generator =
                    new LoadedGenerator(engine, model, parameters, wiring, Optional.empty(), 2, parameters::close)) {
                int[] generated = generator
                        .generate(List.of(PROMPT), Decoding.greedy(20))
                        .get(0)
                        .ids();
                int[] text = PROMPT;
                for (int id : generated) {
                    assertThat(id).isEqualTo(likeliest(WholePass.next(engine, model, parameters, wiring, text)));
                    text = append(text, id);
                }
                assertThat(WholePass.next(engine, model, parameters, wiring, PROMPT))
                        .isNotEqualTo(next(model, PROMPT));
            }
            model.close();
        }
    }

    private static double[] next(Model model, int[] text) {
        TensorEngine engine = model.weights().values().iterator().next().engine();
        return WholePass.next(engine, model, text);
    }

    private static int likeliest(double[] x) {
        int best = 0;
        for (int i = 1; i < x.length; i++) {
            best = x[i] > x[best] ? i : best;
        }
        return best;
    }

    @ParameterizedTest
    @EnumSource
    void companyAndThreadsChangeNoText(SmallDecoder decoder) throws IOException {
        List<int[]> prompts = prompts(40); // more than have a place at once, of different lengths
        Decoding decoding = new Decoding(20, new Sampling(1.5, 0, 0.9, 0), Beams.NONE, 1, List.of(), 7);
        List<Generated> alone = new ArrayList<>();
        try (Generator generator = generator(decoder, 1)) {
            for (int i = 0; i < prompts.size(); i++) {
                // A prompt's random numbers go by its place: the others end at once.
                List<int[]> others = new ArrayList<>(prompts.subList(0, i + 1));
                int place = i;
                alone.add(generator
                        .generate(others, decoding, (prompt, piece) -> prompt == place)
                        .get(i));
            }
        }
        try (Generator generator = generator(decoder, 3)) {
            List<Generated> together = generator.generate(prompts, decoding);
            for (int i = 0; i < prompts.size(); i++) {
                assertThat(together.get(i).ids())
                        .as("prompt " + i)
                        .isEqualTo(alone.get(i).ids());
                assertThat(together.get(i).end()).isEqualTo(alone.get(i).end());
                assertThat(together.get(i).promptTokens()).isEqualTo(prompts.get(i).length);
            }
        }
    }

    @Test
    void theSeedDecidesWhatIsSampled() throws IOException {
        try (Generator generator = generator(SmallDecoder.LLAMA, 2)) {
            List<int[]> prompts = List.of(PROMPT, PROMPT);
            Decoding one = new Decoding(30, new Sampling(1, 0, 1, 0), Beams.NONE, 1, List.of(), 1);
            Decoding two = new Decoding(30, new Sampling(1, 0, 1, 0), Beams.NONE, 1, List.of(), 2);
            List<Generated> first = generator.generate(prompts, one);
            assertThat(first.get(0).ids())
                    .isEqualTo(generator.generate(prompts, one).get(0).ids())
                    .isNotEqualTo(generator.generate(prompts, two).get(0).ids())
                    .isNotEqualTo(first.get(1).ids()); // the same prompt in another place
        }
    }

    /** With room for all continuations that there are, beam search is exhaustive. */
    @ParameterizedTest
    @EnumSource
    void manyBeamsFindTheLikeliestOfAllContinuations(SmallDecoder decoder) throws IOException {
        for (double lengthPenalty : new double[] {0, 1, 2}) {
            try (Generator generator = generator(decoder, 2)) {
                Beams all = new Beams(121, lengthPenalty, Patience.CERTAIN);
                int[] found = generator
                        .generate(List.of(PROMPT), new Decoding(3, Sampling.GREEDY, all, 1, List.of(), 0))
                        .get(0)
                        .ids();
                assertThat(found).isEqualTo(best(generator.model(), new int[0], 0, lengthPenalty).ids);
            }
        }
    }

    private record Scored(int[] ids, double score) {}

    /** Of all continuations of three tokens, or fewer and the end, that begin with {@code ids}. */
    private static Scored best(Model model, int[] ids, double logProbability, double lengthPenalty) {
        if (ids.length == 3 || ids.length > 0 && ids[ids.length - 1] == END) {
            return new Scored(ids, logProbability / Math.pow(ids.length, lengthPenalty));
        }
        int[] text = Arrays.copyOf(PROMPT, PROMPT.length + ids.length);
        System.arraycopy(ids, 0, text, PROMPT.length, ids.length);
        double[] next = next(model, text);
        Scored best = null;
        for (int token = 0; token < next.length; token++) {
            Scored one = best(model, append(ids, token), logProbability + next[token], lengthPenalty);
            best = best == null || one.score > best.score ? one : best;
        }
        return best;
    }

    @Test
    void generationEndsAtAnEndTokenAStopTextOrTheLastPosition() throws IOException {
        try (Generator generator = generator(SmallDecoder.LLAMA, 2)) {
            assertThat(generator.model().endTokens()).containsExactly(10);
            Decoding free = new Decoding(1000, new Sampling(1, 0, 1, 0), Beams.NONE, 1, List.of(), 3);
            List<Generated> texts = generator.generate(prompts(30), free);
            assertThat(texts).anySatisfy(text -> {
                assertThat(text.end()).isEqualTo(End.END_TOKEN);
                assertThat(text.ids()).endsWith(10);
                assertThat(text.text()).doesNotContain("end");
            });
            assertThat(texts).allSatisfy(text -> {
                assertThat(text.promptTokens() + text.ids().length).isLessThanOrEqualTo(96);
                if (text.end() == End.LENGTH) {
                    assertThat(text.promptTokens() + text.ids().length).isEqualTo(96);
                }
            });
            Generated long1 = texts.stream()
                    .filter(text -> text.ids().length > 6)
                    .findFirst()
                    .orElseThrow();
            int place = texts.indexOf(long1);
            String stop = long1.text().substring(3, 6);
            Generated stopped = generator
                    .generate(prompts(30), new Decoding(1000, free.sampling(), Beams.NONE, 1, List.of(stop), 3))
                    .get(place);
            assertThat(stopped.end()).isEqualTo(End.STOP_TEXT);
            assertThat(stopped.text())
                    .isEqualTo(long1.text().substring(0, long1.text().indexOf(stop)));
        }
    }

    @Test
    void thePiecesThatAreHeardAreTheText() throws IOException {
        try (Generator generator = generator(SmallDecoder.GPT2, 2)) {
            List<StringBuilder> heard = List.of(new StringBuilder(), new StringBuilder());
            List<Generated> texts =
                    generator.generate(List.of(PROMPT, new int[] {5}), Decoding.greedy(12), (prompt, piece) -> {
                        heard.get(prompt).append(piece);
                        return true;
                    });
            assertThat(heard.get(0)).hasToString(texts.get(0).text()).isNotEmpty();
            assertThat(heard.get(1)).hasToString(texts.get(1).text());
        }
    }

    @Test
    void promptsThatDoNotFitAreRefused() throws IOException {
        try (Generator generator = generator(SmallDecoder.GPT2, 1)) {
            assertThatThrownBy(() -> generator.generate(List.of(PROMPT, new int[0]), Decoding.greedy(1)))
                    .isInstanceOf(UserError.class)
                    .hasMessage("prompt 2 has no tokens; expected some text");
            assertThatThrownBy(() -> generator.generate(List.of(new int[96]), Decoding.greedy(1)))
                    .isInstanceOf(UserError.class)
                    .hasMessage("prompt 1 has 96 tokens, but the model has only 96 positions; shorten it");
        }
    }

    @Test
    void anEncoderDoesNotGenerate() throws IOException {
        TensorEngine engine = new ReferenceEngine();
        try (Model bert = SmallBert.load(folder, engine)) {
            assertThatThrownBy(() -> generator(engine, bert, 1))
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining("family 'bert' has no language head");
        }
    }

    @Test
    void nothingStaysInMemory() throws IOException {
        TensorEngine engine = new CpuEngine();
        Model model = SmallDecoder.LLAMA.load(folder, engine, engine.dtype());
        try (Generator generator = generator(engine, model, 2)) {
            long before = engine.stats().liveBytes();
            generator.generate(prompts(20), Decoding.greedy(10));
            generator.generate(
                    prompts(2), new Decoding(10, Sampling.GREEDY, new Beams(4, 1, Patience.FIRST), 1, List.of(), 0));
            assertThat(engine.stats().liveBytes()).isEqualTo(before);
        }
    }
}
