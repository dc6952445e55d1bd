package org.attune.kernel.generation;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.attune.model.Tokenizer;
import org.junit.jupiter.api.Test;

class TextStreamTest {
    /** A token a byte. */
    private static final Tokenizer BYTES = new Tokenizer() {
        @Override
        public int[] encode(String text, int maxLength) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            int[] ids = new int[bytes.length];
            for (int i = 0; i < ids.length; i++) {
                ids[i] = bytes[i] & 0xFF;
            }
            return ids;
        }

        @Override
        public String decode(int[] ids) {
            byte[] bytes = new byte[ids.length];
            for (int i = 0; i < ids.length; i++) {
                bytes[i] = (byte) ids[i];
            }
            return new String(bytes, StandardCharsets.UTF_8);
        }

        @Override
        public int vocabulary() {
            return 256;
        }

        @Override
        public String fingerprint() {
            return "bytes";
        }
    };

    /** The pieces that come, and at the end "|" and the rest. */
    private static List<String> pieces(String text, String... stop) {
        TextStream stream = new TextStream(BYTES, List.of(stop));
        List<String> pieces = new ArrayList<>();
        for (int id : BYTES.encode(text, Integer.MAX_VALUE)) {
            if (!stream.stopped()) {
                String piece = stream.add(id);
                if (!piece.isEmpty()) {
                    pieces.add(piece);
                }
            }
        }
        pieces.add("|" + stream.finish());
        assertThat(String.join("", pieces).replace("|", "")).isEqualTo(stream.text());
        return pieces;
    }

    @Test
    void charactersComeWhole() {
        assertThat(pieces("aé🙂b")).containsExactly("a", "é", "🙂", "b", "|");
    }

    @Test
    void aCharacterThatStaysBrokenComesAtTheEnd() {
        TextStream stream = new TextStream(BYTES, List.of());
        assertThat(stream.add('x')).isEqualTo("x");
        assertThat(stream.add(0xC3)).isEmpty();
        assertThat(stream.finish()).isEqualTo("\uFFFD");
        assertThat(stream.text()).isEqualTo("x\uFFFD");
    }

    @Test
    void aStopTextAcrossTokensIsNotShown() {
        assertThat(pieces("one\nUser: two", "\nUser:")).containsExactly("o", "n", "e", "|");
    }

    @Test
    void whatOnlyBeganLikeAStopTextFollows() {
        assertThat(pieces("a\nUse b", "\nUser:")).containsExactly("a", "\nUse ", "b", "|");
        assertThat(pieces("a\nUs", "\nUser:")).containsExactly("a", "|\nUs");
    }

    @Test
    void theFirstOfSeveralStopTextsEnds() {
        assertThat(pieces("abXcY", "Y", "bX")).containsExactly("a", "|");
    }

    @Test
    void stopTextsMayOverlapThemselves() {
        assertThat(pieces("aabaabaac", "aabaac")).containsExactly("aab", "|");
    }
}
