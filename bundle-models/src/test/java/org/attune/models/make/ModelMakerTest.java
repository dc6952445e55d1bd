package org.attune.models.make;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.attune.model.Model;
import org.attune.model.NewModel;
import org.attune.model.Tokenizer;
import org.attune.model.WeightForm;
import org.attune.models.source.FolderModelLoader;
import org.attune.plugin.UserError;
import org.attune.tensor.reference.ReferenceEngine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelMakerTest {
    private static final List<String> TEXTS = List.of(
            "the cat sat on the mat; the cat's mat",
            "the dog sat on the cat, the cat sat still",
            "Größe: 12 m\n\n für € 5");
    private static final String LLAMA = """
            {"model_type": "llama", "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 40,
             "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "hidden_act": "silu", "tie_word_embeddings": true}
            """;

    private final ReferenceEngine engine = new ReferenceEngine();

    @TempDir
    private Path folder;

    private Model make(String config, int vocabulary) {
        Path made = folder.resolve("made");
        FolderModelLoader loader = new FolderModelLoader();
        assertThat(loader.create(new NewModel(config, vocabulary, 1), TEXTS, made))
                .isTrue();
        return loader.load(made.toString(), folder, engine, WeightForm.decoded(engine.dtype()))
                .orElseThrow();
    }

    @Test
    void theMostFrequentPairsAreMergedFirst() {
        // "aab" twice, "ab" three times: ab 5, then aab 2.
        assertThat(BytePairs.train(List.of("aab ab aab", "ab", "ab"), 10).subList(0, 1))
                .containsExactly(new BytePairs.Pair('a', 'b'));
        assertThat(BytePairs.train(List.of("aab", "aab"), 10))
                .containsExactly(new BytePairs.Pair('a', 'a'), new BytePairs.Pair(256, 'b'));
        assertThat(BytePairs.train(List.of("aab", "ccd"), 10))
                .as("nothing occurs twice")
                .isEmpty();
    }

    /** Of "aaa" twice, the pair a a is counted where it is, overlaps included; the merge takes the first. */
    @Test
    void overlapsAreMergedFromTheLeft() {
        assertThat(BytePairs.train(List.of("aaa", "aaa"), 10))
                .containsExactly(new BytePairs.Pair('a', 'a'), new BytePairs.Pair(256, 'a'));
    }

    @Test
    void theTokenizerKeepsEveryByteAndKnowsTheEndOfAText() {
        try (Model model = make(LLAMA, 280)) {
            Tokenizer tokenizer = model.tokenizer();
            assertThat(tokenizer.vocabulary()).as("no more pairs recur").isBetween(260, 279);
            for (String text : List.of("the cat sat", " two  blanks\n", "Größe € 日本", "cat's")) {
                int[] ids = tokenizer.encode(text, 1000);
                assertThat(ids[0]).as("the end of the text before").isZero();
                assertThat(tokenizer.decode(ids)).isEqualTo(text);
            }
            assertThat(tokenizer.encode("the cat<|endoftext|>", 1000))
                    .endsWith(0)
                    .hasSizeLessThan(6);
        }
    }

    @Test
    void theVocabularyIsNoLargerThanAskedFor() {
        try (Model model = make(LLAMA, 262)) {
            assertThat(model.tokenizer().vocabulary()).isEqualTo(262);
            assertThat(model.weights().get("model.embed_tokens.weight").shape().dim(0))
                    .isEqualTo(262);
        }
    }

    @Test
    void weightsAreRandomAndNormsDoNothing() throws Exception {
        try (Model model = make(LLAMA, 300)) {
            double[] embedding =
                    model.weights().get("model.embed_tokens.weight").toDoubles();
            double square = Arrays.stream(embedding).map(x -> x * x).average().orElseThrow();
            assertThat(Math.sqrt(square)).isCloseTo(0.02, within(0.001));
            assertThat(model.weights().get("model.norm.weight").toDoubles()).containsOnly(1);
            assertThat(model.weights()).doesNotContainKey("lm_head.weight");
        }
        byte[] first = Files.readAllBytes(folder.resolve("made/model.safetensors"));
        try (Model again = make(LLAMA, 300)) {
            assertThat(again.fingerprint()).isNotEmpty();
        }
        assertThat(Files.readAllBytes(folder.resolve("made/model.safetensors")))
                .as("the same seed gives the same weights")
                .isEqualTo(first);
    }

    @Test
    void saysWhatIsWrong() {
        assertThatThrownBy(() -> make(LLAMA, 200))
                .isInstanceOf(UserError.class)
                .hasMessage(
                        "model.tokenizer.vocabulary is 200, expected at least 257: the 256 bytes and the end of a text");
        assertThatThrownBy(() -> make(LLAMA.replace("\"hidden_size\": 32,", ""), 300))
                .isInstanceOf(UserError.class)
                .hasMessage("model.new: hidden_size is missing");
    }
}
