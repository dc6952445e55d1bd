package org.attune.sources;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.attune.data.Example;

/** The nouns of WordNet with their lexicographer files, whose names and numbers {@code lexnames(5WN)} gives. */
final class WordNetNouns {
    /** Lexicographer files 03 to 28, in their order. */
    static final List<String> LABELS = List.of(
            "noun.Tops",
            "noun.act",
            "noun.animal",
            "noun.artifact",
            "noun.attribute",
            "noun.body",
            "noun.cognition",
            "noun.communication",
            "noun.event",
            "noun.feeling",
            "noun.food",
            "noun.group",
            "noun.location",
            "noun.motive",
            "noun.object",
            "noun.person",
            "noun.phenomenon",
            "noun.plant",
            "noun.possession",
            "noun.process",
            "noun.quantity",
            "noun.relation",
            "noun.shape",
            "noun.state",
            "noun.substance",
            "noun.time");

    private static final int FIRST_NOUN_FILE = 3;

    private WordNetNouns() {}

    /** All nouns in file order: a definition as the text, its lexicographer file as the label. */
    static List<Example> read(String source, Path resources) {
        return WordNet.read(source, resources, "noun").stream()
                .map(noun -> new Example(
                        "wordnet:" + noun.offset(),
                        Map.of(
                                "text",
                                definition(noun.gloss()),
                                "label",
                                LABELS.get(Objects.checkIndex(noun.file() - FIRST_NOUN_FILE, LABELS.size())))))
                .toList();
    }

    /** The gloss without further definitions and examples. */
    private static String definition(String gloss) {
        String first = cut(gloss.strip(), ";");
        return cut(first, " \"").strip();
    }

    private static String cut(String text, String end) {
        int at = text.indexOf(end);
        return at < 0 ? text : text.substring(0, at);
    }
}
