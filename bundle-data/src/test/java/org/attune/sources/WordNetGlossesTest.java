package org.attune.sources;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.attune.data.DataSet;
import org.attune.data.DataSource;
import org.attune.plugin.UserError;
import org.junit.jupiter.api.Test;

class WordNetGlossesTest {
    private static final Path RESOURCES = WordNetSupersenseTest.JAR.getParent();

    private static DataSet open(int train, int validation, int test) {
        return new WordNetGlosses()
                .open(
                        new WordNetGlossesOptions(train, validation, test),
                        new DataSource.Surroundings(Path.of(""), RESOURCES, 1));
    }

    @Test
    void everySynsetIsItsWordsItsDefinitionAndItsExamples() {
        try (DataSet data = open(0, 500, 2000)) {
            assertThat(data.size("train")).isEqualTo(117_791 - 2500);
            Set<String> texts = new HashSet<>();
            Set<String> ids = new HashSet<>();
            for (String split : data.splits()) {
                for (int i = 0; i < data.size(split); i++) {
                    texts.add(data.get(split, i).fields().get("text"));
                    ids.add(data.get(split, i).id());
                }
            }
            assertThat(ids).as("no synset is in two splits").hasSize(117_791);
            assertThat(texts)
                    .contains(
                            "house: a dwelling that serves as living quarters for one or more families; \"he has a house on"
                                    + " Cape Cod\"; \"she felt she had to get out of the house\"",
                            "galore: in great numbers; \"daffodils galore\"");
        }
    }

    @Test
    void saysWhenThereAreNotSoMany() {
        assertThatThrownBy(() -> open(100_000, 10_000, 10_000))
                .isInstanceOf(UserError.class)
                .hasMessage(
                        "wordnet-glosses: train 100000, validation 10000 and test 10000 are more than the 117791 synsets of"
                                + " WordNet 3.1; lower one of them");
    }
}
