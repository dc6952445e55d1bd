package org.attune.shell.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TerminalTest {
    @Test
    void theLocaleDecidesWhatIsDrawnWith() {
        assertThat(Terminal.glyphs(Map.of("LANG", "de_DE.UTF-8"))).isEqualTo(Glyphs.UNICODE);
        assertThat(Terminal.glyphs(Map.of("LANG", "C.utf8"))).isEqualTo(Glyphs.UNICODE);
        assertThat(Terminal.glyphs(Map.of("LC_ALL", "C", "LANG", "de_DE.UTF-8")))
                .isEqualTo(Glyphs.ASCII);
        assertThat(Terminal.glyphs(Map.of())).isEqualTo(Glyphs.ASCII);
    }

    @Test
    void numbersAreReadable() {
        assertThat(Numbers.bytes(1_395_864_371L)).isEqualTo("1.3 GiB");
        assertThat(Numbers.bytes(500)).isEqualTo("500 B");
        assertThat(Numbers.clock(Duration.ofSeconds(3_723))).isEqualTo("1:02:03");
        assertThat(Numbers.score(Double.NaN)).isEqualTo("-");
        assertThat(Numbers.error(Double.NaN)).isEqualTo("NaN");
        assertThat(Numbers.rate(2.34)).isEqualTo("2.3");
    }
}
