package org.attune.natives.tokenizers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The dependencies that this module leaves out are not missed. */
class TokenizersTest {
    @Test
    void encodesOnAPlainClassPath() throws Exception {
        Path file = Path.of(System.getProperty("attune.shared", ""), "golden/models/bert/tokenizer.json");
        assumeTrue(Files.isRegularFile(file), () -> "no golden tokenizer at " + file);
        try (HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.newInstance(file, Map.of())) {
            // First entry of golden/tokenizer/bert.json.
            assertThat(tokenizer
                            .encode("the river bends twice before it reaches the old mill")
                            .getIds())
                    .containsExactly(2, 81, 267, 226, 275, 286, 84, 268, 81, 148, 232, 3);
        }
    }
}
