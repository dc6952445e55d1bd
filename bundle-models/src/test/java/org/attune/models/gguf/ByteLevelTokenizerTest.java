package org.attune.models.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.StreamSupport;
import org.attune.models.PretrainedTokenizer;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ByteLevelTokenizerTest {
    @TempDir
    private Path folder;

    /** Expected: make_words.py beside the file. */
    @ParameterizedTest
    @ValueSource(strings = {"gpt-2", "smollm", "llama-bpe", "qwen2", "default", ""})
    void idsAreThoseOfTheTokenizerThatTheFileStandsFor(String words) throws Exception {
        JsonNode expected = new ObjectMapper().readTree(getClass().getResourceAsStream("/gguf/words.json"));
        List<String> tokens = texts(expected.get("tokens"));
        int[] types = new int[tokens.size()];
        Arrays.fill(types, TokenTypes.NORMAL);
        Arrays.fill(types, 0, 2, TokenTypes.CONTROL);
        GgufBytes bytes = new GgufBytes()
                .key("tokenizer.ggml.model", "gpt2")
                .key("tokenizer.ggml.tokens", tokens)
                .key("tokenizer.ggml.token_type", types)
                .key("tokenizer.ggml.merges", texts(expected.get("merges")))
                .key("tokenizer.ggml.bos_token_id", 0)
                .key("tokenizer.ggml.eos_token_id", 1);
        if (!words.isEmpty()) {
            bytes.key("tokenizer.ggml.pre", words);
        }
        JsonNode ids = expected.get("ids").get(words.isEmpty() ? "default" : words);
        List<String> texts = texts(expected.get("texts"));
        assertThat(texts).hasSizeGreaterThan(40).hasSameSizeAs(ids);
        try (GgufFile file = GgufFile.open(Files.write(folder.resolve("x.gguf"), bytes.bytes()));
                PretrainedTokenizer tokenizer =
                        PretrainedTokenizer.read("x.gguf", GgufTokenizer.json(file.metadata()))) {
            for (int i = 0; i < texts.size(); i++) {
                int[] wanted = StreamSupport.stream(ids.get(i).spliterator(), false)
                        .mapToInt(JsonNode::asInt)
                        .toArray();
                assertThat(tokenizer.encode(texts.get(i), 1000))
                        .as("'%s'", texts.get(i))
                        .containsExactly(wanted);
            }
        }
    }

    private static List<String> texts(JsonNode list) {
        return StreamSupport.stream(list.spliterator(), false)
                .map(JsonNode::asText)
                .toList();
    }
}
