package org.attune.shell.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class TextTableTest {
    @Test
    void numbersStandToTheRight() {
        String table = new TextTable("name", "value", "text")
                .row("a", "7", "x")
                .row("longer", "1,024.5", "y z")
                .render(80, Glyphs.ASCII);

        assertThat(table).isEqualTo("""
                        name      value  text
                        ------  -------  ----
                        a             7  x
                        longer  1,024.5  y z
                        """);
    }

    @Test
    void theLastColumnWrapsBetweenWords() {
        String table = new TextTable("option", "what it does")
                .row("rank", "rank of the update, which is small")
                .row("alpha", "scale")
                .render(26, Glyphs.UNICODE);

        assertThat(table).isEqualTo("""
                        option  what it does
                        ──────  ──────────────────
                        rank    rank of the
                                update, which is
                                small
                        alpha   scale
                        """);
    }

    @Test
    void noLineIsLongerThanTheWidth() {
        String table = new TextTable("folder", "text", "n")
                .row("/a/very/long/path/that/nobody/wants", "many words in a middle column", "1")
                .render(40, Glyphs.UNICODE);

        assertThat(table.lines()).allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(40));
        assertThat(table).contains("…").containsPattern("1\n");
    }

    @Test
    void controlCharactersDoNotReachTheTerminal() {
        assertThat(new TextTable("a").row("x\n\033[31my").render(80, Glyphs.ASCII))
                .contains("x [31my");
    }

    @Test
    void aRowOfTheWrongLengthIsRefused() {
        assertThatThrownBy(() -> new TextTable("a", "b").row("x")).hasMessageContaining("1 cells for 2 columns");
    }
}
