package org.attune.models.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Path;
import java.util.stream.StreamSupport;
import org.attune.models.PretrainedTokenizer;
import org.junit.jupiter.api.Test;

class SentencePieceTokenizerTest {
    /** Expected: make_sentencepiece.py beside the file. */
    @Test
    void idsAreSentencePiecesOwn() throws Exception {
        Path path = Path.of(getClass().getResource("/gguf/sentencepiece.gguf").toURI());
        JsonNode expected = new ObjectMapper()
                .readTree(path.resolveSibling("sentencepiece.json").toFile());
        try (GgufFile file = GgufFile.open(path);
                PretrainedTokenizer tokenizer =
                        PretrainedTokenizer.read("sentencepiece.gguf", GgufTokenizer.json(file.metadata()))) {
            assertThat(expected).hasSize(7).allSatisfy(text -> {
                int[] ids = StreamSupport.stream(text.get("ids").spliterator(), false)
                        .mapToInt(JsonNode::asInt)
                        .toArray();
                assertThat(tokenizer.encode(text.get("text").asText(), 100))
                        .as(text.get("text").asText())
                        .containsExactly(ids);
                // A part after a special token begins with a blank, too.
                assertThat(tokenizer.decode(ids))
                        .isEqualTo(text.get("text").asText().replace("</s>", " "));
            });
        }
    }
}
