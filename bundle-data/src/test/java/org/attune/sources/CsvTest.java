package org.attune.sources;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.attune.data.DataSet;
import org.attune.data.DataSource.Surroundings;
import org.attune.plugin.UserError;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CsvTest {
    @TempDir
    private Path folder;

    @Test
    void readsQuotedFieldsAsRfc4180() throws IOException {
        write("\uFEFFtext,label\r\n\"a, \"\"b\"\"\r\nsecond line\",pos\r\n\r\n plain ,neg\r\n\"\",\"\"");

        DataSet data = open(",", "\"", true);

        assertThat(data.size("train")).isEqualTo(3);
        assertThat(data.get("train", 0).fields())
                .containsEntry("text", "a, \"b\"\r\nsecond line")
                .containsEntry("label", "pos");
        assertThat(data.get("train", 0).id()).isEqualTo("data.csv:2");
        assertThat(data.get("train", 1).id()).isEqualTo("data.csv:5");
        assertThat(data.get("train", 1).fields()).containsEntry("text", " plain ");
        assertThat(data.get("train", 2).id()).isEqualTo("data.csv:6");
        assertThat(data.get("train", 2).fields()).containsEntry("text", "").containsEntry("label", "");
    }

    @Test
    void countsLinesOverQuotedLineEnds() throws IOException {
        write("text,label\n\"1\n2\n3\",a\nx,b\n\"4\r\n5\",c\ny,d\n");

        DataSet data = open(",", "\"", true);

        assertThat(IntStream.range(0, 4).mapToObj(i -> data.get("train", i).id()))
                .containsExactly("data.csv:2", "data.csv:5", "data.csv:6", "data.csv:8");
    }

    @Test
    void readsTabsWithoutHeaderAndQuotes() throws IOException {
        write("1\tsay \"cheese\n0\t\"so\n");

        DataSet data = new Csv()
                .open(
                        new CsvOptions(Path.of("data.csv"), null, null, "2", "1", "tab", "", false),
                        new Surroundings(folder, folder, 0));

        assertThat(data.size("train")).isEqualTo(2);
        assertThat(data.get("train", 0).fields())
                .containsEntry("text", "say \"cheese")
                .containsEntry("label", "1");
        assertThat(data.get("train", 1).fields()).containsEntry("text", "\"so");
    }

    @Test
    void namesTheLineOfARaggedRow() throws IOException {
        write("text,label\n\"two\nlines\",a\none, two,b\n");

        assertError(
                "data.csv:4: 3 fields, but 2 columns (text, label); a field that holds the delimiter must be quoted");
    }

    @Test
    void namesTheLineOfAQuoteOutOfPlace() throws IOException {
        write("text,label\nfine,a\n\"never closed,b\nmore,c\n");
        assertError("data.csv:3: a quoted field begins here, but its closing quote is missing");

        write("text,label\nfine,a\n\"he said \"hi\" twice\",b\n");
        assertError("data.csv:3: 'h' follows a closing quote; a quote inside a quoted field is written twice");
    }

    @Test
    void namesWhatIsWrongWithTheColumns() throws IOException {
        write("review,label\nx,a\n");
        assertError(
                "data.csv:2: no field 'text' for the text; there are: review, label; name the right one with the option text, "
                        + "or \"\" if there is none");

        write("text,text\nx,a\n");
        assertError("data.csv:1: two columns are called 'text'");

        write("text,label\n");
        assertError("csv: train: data.csv: the file holds no examples");
    }

    @Test
    void namesTheLineThatIsNotUtf8() throws IOException {
        Files.write(folder.resolve("data.csv"), "text,label\nx,a\ncaf\u00e9,b\n".getBytes(StandardCharsets.ISO_8859_1));

        assertError("data.csv:3: not UTF-8; save the file in this encoding");
    }

    @Test
    void refusesWhatIsNoDelimiter() throws IOException {
        write("text,label\nx,a\n");

        assertThatThrownBy(() -> open("::", "\"", true))
                .isInstanceOf(UserError.class)
                .hasMessage("csv: delimiter is '::'; one character is needed");
        assertThatThrownBy(() -> open(";", ";", true))
                .isInstanceOf(UserError.class)
                .hasMessage("csv: delimiter and quote are both ;");
    }

    private void write(String text) throws IOException {
        Files.writeString(folder.resolve("data.csv"), text);
    }

    private void assertError(String message) {
        assertThatThrownBy(() -> open(",", "\"", true))
                .isInstanceOf(UserError.class)
                .hasMessage(message);
    }

    private DataSet open(String delimiter, String quote, boolean header) {
        return new Csv()
                .open(
                        new CsvOptions(Path.of("data.csv"), null, null, "text", "label", delimiter, quote, header),
                        new Surroundings(folder, folder, 0));
    }
}
