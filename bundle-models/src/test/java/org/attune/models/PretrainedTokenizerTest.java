package org.attune.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.attune.model.Tokenizer;
import org.attune.plugin.UserError;
import org.junit.jupiter.api.Test;

class PretrainedTokenizerTest {
    private static final int LONG = 512;

    @Test
    void equalsHuggingFace() throws Exception {
        Path golden = Path.of(System.getProperty("attune.shared", ""), "golden");
        assumeTrue(Files.isDirectory(golden), () -> "no golden values at " + golden);
        Path file = golden.resolve("models/bert/tokenizer.json");
        JsonNode samples = new ObjectMapper()
                .readTree(golden.resolve("tokenizer/bert.json").toFile());
        assertThat(samples).isNotEmpty();
        try (PretrainedTokenizer tokenizer = PretrainedTokenizer.read(file.toString(), Files.readAllBytes(file))) {
            for (JsonNode sample : samples) {
                String text = sample.get("text").textValue();
                int[] expected = StreamSupport.stream(sample.get("ids").spliterator(), false)
                        .mapToInt(JsonNode::intValue)
                        .toArray();
                assertThat(tokenizer.encode(text, LONG)).as(text).containsExactly(expected);
                assertThat(tokenizer.decode(expected))
                        .as(text)
                        .isEqualTo(sample.get("decoded").textValue());
            }
            assertThat(tokenizer.vocabulary()).isEqualTo(299);
        }
    }

    @Test
    void cutsTheEndOfTheTextAndKeepsTheSpecialTokens() {
        try (PretrainedTokenizer tokenizer = tiny()) {
            assertThat(tokenizer.encode("the cat sat", LONG)).containsExactly(2, 5, 6, 7, 3);
            assertThat(tokenizer.encode("the cat sat", 5)).containsExactly(2, 5, 6, 7, 3);
            assertThat(tokenizer.encode("the cat sat", 4)).containsExactly(2, 5, 6, 3);
            assertThat(tokenizer.encode("the cat sat", 2)).containsExactly(2, 3);
            assertThat(tokenizer.encode("", LONG)).containsExactly(2, 3);
            assertThatThrownBy(() -> tokenizer.encode("the cat sat", 1))
                    .isInstanceOf(UserError.class)
                    .hasMessage("a maximum length of 1 tokens, expected at least 2: the special tokens of tiny.json");
        }
    }

    /** The file asks for padding to 8 and truncation to 3. */
    @Test
    void ignoresPaddingAndTruncationOfTheFile() {
        String padded = TinyBert.TOKENIZER.replace("\"version\": \"1.0\",", """
                "version": "1.0",
                "truncation": {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0},
                "padding": {"strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
                  "pad_type_id": 0, "pad_token": "[PAD]"},
                """);
        try (PretrainedTokenizer tokenizer = read("padded.json", padded)) {
            assertThat(tokenizer.encode("the cat sat", LONG)).containsExactly(2, 5, 6, 7, 3);
            assertThat(tokenizer.encode("cat", LONG)).containsExactly(2, 6, 3);
        }
    }

    @Test
    void decodesWithoutSpecialTokens() {
        try (PretrainedTokenizer tokenizer = tiny()) {
            assertThat(tokenizer.decode(new int[] {2, 5, 6, 7, 3})).isEqualTo("the cat sat");
        }
    }

    @Test
    void tellsWordsAndTheMaskApart() {
        String masking = TinyBert.TOKENIZER.replace(
                "\"added_tokens\": [",
                "\"added_tokens\": [{\"id\": 4, \"content\": \"[MASK]\", \"single_word\": false, \"lstrip\": true,"
                        + " \"rstrip\": false, \"normalized\": false, \"special\": true},");
        String pieces = masking.replace("\"sat\": 7", "\"sat\": 7, \"##s\": 8");
        try (PretrainedTokenizer none = tiny();
                PretrainedTokenizer tokenizer = read("pieces.json", pieces)) {
            assertThat(none.maskToken()).isEmpty();
            assertThat(tokenizer.maskToken()).hasValue(4);
            Tokenizer.Words words = tokenizer.encodeWords("the cats sat", LONG);
            assertThat(words.ids()).containsExactly(2, 5, 6, 8, 7, 3);
            assertThat(words.words()).containsExactly(-1, 0, 1, 1, 2, -1);
            assertThat(tokenizer.encodeWords("the cats sat", 5).words()).containsExactly(-1, 0, 1, 1, -1);
        }
    }

    @Test
    void encodesFromManyThreads() {
        try (PretrainedTokenizer tokenizer = tiny()) {
            List<int[]> all = IntStream.range(0, 2000)
                    .parallel()
                    .mapToObj(i -> tokenizer.encode(i % 2 == 0 ? "the cat sat" : "cat", LONG))
                    .toList();
            for (int i = 0; i < all.size(); i++) {
                assertThat(all.get(i)).containsExactly(i % 2 == 0 ? new int[] {2, 5, 6, 7, 3} : new int[] {2, 6, 3});
            }
        }
    }

    @Test
    void theFingerprintIsThatOfTheContent() {
        try (PretrainedTokenizer a = tiny();
                PretrainedTokenizer b = read("elsewhere.json", TinyBert.TOKENIZER);
                PretrainedTokenizer c = read("other.json", TinyBert.TOKENIZER + " ")) {
            assertThat(a.fingerprint()).isEqualTo(b.fingerprint()).isNotEqualTo(c.fingerprint());
        }
    }

    @Test
    void whatIsNoTokenizerIsRefused() {
        assertThatThrownBy(() -> read("t.json", "{"))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith("t.json: is not JSON: ");
        assertThatThrownBy(() -> read("t.json", "{}"))
                .isInstanceOf(UserError.class)
                .hasMessage("t.json: no vocabulary in it, so it is no tokenizer.json");
        assertThatThrownBy(() -> read("t.json", TinyBert.TOKENIZER.replace("WordPiece", "Syllables")))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith("t.json: is not a tokenizer.json that can be used: ");
    }

    private static PretrainedTokenizer tiny() {
        return read("tiny.json", TinyBert.TOKENIZER);
    }

    private static PretrainedTokenizer read(String source, String json) {
        return PretrainedTokenizer.read(source, json.getBytes(StandardCharsets.UTF_8));
    }
}
