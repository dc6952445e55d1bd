package org.attune.sources;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.attune.data.DataSet;
import org.attune.data.DataSource.Surroundings;
import org.attune.plugin.UserError;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonlTest {
    @TempDir
    private Path folder;

    @Test
    void readsOneObjectALine() throws IOException {
        write(
                "train.jsonl",
                "\uFEFF{\"text\":\"good \\\"film\\\"\",\"label\":\"pos\"}\r\n\n   \n{\"label\":\"neg\",\"text\":\"schlecht ü 😀\"}");
        write("test.jsonl", "{\"text\":\"so so\",\"label\":\"pos\"}\n");

        DataSet data = open(new JsonlOptions(Path.of("train.jsonl"), null, Path.of("test.jsonl"), "text", "label"));

        assertThat(data.splits()).containsExactlyInAnyOrder("train", "test");
        assertThat(data.size("train")).isEqualTo(2);
        assertThat(data.get("train", 0).id()).isEqualTo("train.jsonl:1");
        assertThat(data.get("train", 0).fields())
                .containsEntry("text", "good \"film\"")
                .containsEntry("label", "pos");
        assertThat(data.get("train", 1).id()).isEqualTo("train.jsonl:4");
        assertThat(data.get("train", 1).fields()).containsEntry("text", "schlecht ü 😀");
        assertThat(data.labels()).isEmpty();
        assertThatThrownBy(() -> data.size("validation")).hasMessageContaining("[test, train]");
    }

    @Test
    void renamesFieldsAndWritesOtherValuesAsText() throws IOException {
        write(
                "a.jsonl",
                "{\"question\":\"how far?\",\"stars\":5,\"x\":1.50,\"tags\":[\"a\",1],\"meta\":{\"k\":true},\"gone\":null}");

        DataSet data = open(new JsonlOptions(folder.resolve("a.jsonl"), null, null, "question", "stars"));

        assertThat(data.get("train", 0).fields())
                .containsOnly(
                        Map.entry("text", "how far?"),
                        Map.entry("label", "5"),
                        Map.entry("x", "1.50"),
                        Map.entry("tags", "[\"a\",1]"),
                        Map.entry("meta", "{\"k\":true}"));
    }

    @Test
    void mayHoldTextAlone() throws IOException {
        write("a.jsonl", "{\"text\":\"once upon a time\"}");

        DataSet data = open(new JsonlOptions(Path.of("a.jsonl"), null, null, "text", ""));

        assertThat(data.get("train", 0).fields()).containsOnlyKeys("text");
    }

    @Test
    void fingerprintsContentNotFileNames() throws IOException {
        write("a.jsonl", "{\"text\":\"x\",\"label\":\"y\"}\n");
        write("b.jsonl", "\n{\"label\":\"y\", \"text\":\"x\"}\n");
        write("c.jsonl", "{\"text\":\"xy\",\"label\":\"\"}\n");

        String a = open(train("a.jsonl")).fingerprint();

        assertThat(open(train("b.jsonl")).fingerprint()).isEqualTo(a);
        assertThat(open(train("c.jsonl")).fingerprint()).isNotEqualTo(a);
        assertThat(open(new JsonlOptions(null, null, Path.of("a.jsonl"), "text", "label"))
                        .fingerprint())
                .isNotEqualTo(a);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "['a'] | expected a JSON object, found '[\"a\"]'",
                "hello world, this is a very long line indeed | expected a JSON object, found 'hello world, this is a very lo...'",
                "{'text':'x' | not a JSON object at column ",
                "{'text':'x'} {'text':'y'} | not a JSON object at column 14: ",
                "{'text':'x','text':'y','label':'z'} | not a JSON object at column 19: Duplicate field 'text'",
                "{'text':'x\ty','label':'z'} | not a JSON object at column ",
                "{'text':'x'} | no field 'label' for the label; there are: text; name the right one with the option label",
                "{'text':null,'label':'x'} | no field 'text' for the text; there are: label; "
            })
    void namesFileAndLineOfAFault(String line, String message) throws IOException {
        write("data.jsonl", "{\"text\":\"x\",\"label\":\"y\"}\n\n" + line.replace('\'', '"') + "\n");

        assertThatThrownBy(() -> open(train("data.jsonl")))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith("data.jsonl:3: " + message)
                .hasMessageNotContaining("\n");
    }

    @Test
    void namesTheLineThatIsNotUtf8() throws IOException {
        byte[] latin1 = "{\"text\":\"caf\u00e9\",\"label\":\"y\"}\n".getBytes(StandardCharsets.ISO_8859_1);
        Files.write(
                folder.resolve("data.jsonl"),
                "{\"text\":\"caf\u00e9\",\"label\":\"y\"}\n".getBytes(StandardCharsets.UTF_8));
        Files.write(folder.resolve("data.jsonl"), latin1, StandardOpenOption.APPEND);

        assertThatThrownBy(() -> open(train("data.jsonl")))
                .isInstanceOf(UserError.class)
                .hasMessage("data.jsonl:2: not UTF-8; save the file in this encoding");
    }

    @Test
    void saysWhatIsWrongWithAFile() throws IOException {
        write("empty.jsonl", "\n\n");

        assertThatThrownBy(() -> open(train("absent.jsonl")))
                .isInstanceOf(UserError.class)
                .hasMessage("jsonl: train: absent.jsonl: no such file in " + folder);
        assertThatThrownBy(() -> open(train(folder.resolve("absent.jsonl").toString())))
                .isInstanceOf(UserError.class)
                .hasMessage("jsonl: train: absent.jsonl: no such file in " + folder);
        assertThatThrownBy(() -> open(train("empty.jsonl")))
                .isInstanceOf(UserError.class)
                .hasMessage("jsonl: train: empty.jsonl: the file holds no examples");
        assertThatThrownBy(() -> open(train(".")))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("is a folder; a file is needed");
        assertThatThrownBy(() -> open(new JsonlOptions(null, null, null, "text", "label")))
                .isInstanceOf(UserError.class)
                .hasMessage("jsonl: no file given; set at least one of train, validation and test");
    }

    @Test
    void readsARealCorpus() {
        Path corpus = Path.of(System.getProperty("attune.shared", "")).resolve("data/clinc150");
        Assumptions.assumeTrue(Files.isDirectory(corpus), "skipped: no folder " + corpus);

        DataSet data = new Jsonl()
                .open(
                        new JsonlOptions(
                                Path.of("train.jsonl"), Path.of("val.jsonl"), Path.of("test.jsonl"), "text", "label"),
                        new Surroundings(corpus, folder, 0));

        assertThat(data.size("train")).isEqualTo(15_000);
        assertThat(data.size("validation")).isEqualTo(3_000);
        assertThat(data.size("test")).isEqualTo(4_500);
        Set<String> labels = new HashSet<>();
        for (int i = 0; i < data.size("train"); i++) {
            labels.add(data.get("train", i).fields().get("label"));
        }
        assertThat(labels).hasSize(150);
        assertThat(data.get("test", 4_499).id()).isEqualTo("test.jsonl:4500");
    }

    private void write(String name, String text) throws IOException {
        Files.writeString(folder.resolve(name), text);
    }

    private static JsonlOptions train(String name) {
        return new JsonlOptions(Path.of(name), null, null, "text", "label");
    }

    private DataSet open(JsonlOptions options) {
        return new Jsonl().open(options, new Surroundings(folder, folder, 0));
    }
}
