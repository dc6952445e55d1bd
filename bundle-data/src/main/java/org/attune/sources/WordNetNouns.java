package org.attune.sources;

import java.nio.file.Path;
import java.util.AbstractList;
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

    /** All nouns in file order: a definition as the text, its lexicographer file as the label. Made whenever they are asked for. */
    static List<Example> read(String source, Path resources) {
        List<WordNet.Synset> nouns = WordNet.read(source, resources, "noun");
        return new AbstractList<>() {
            @Override
            public int size() {
                return nouns.size();
            }

            @Override
            public Example get(int index) {
                return example(nouns.get(index));
            }
        };
    }

    private static Example example(WordNet.Synset noun) {
        String label = LABELS.get(Objects.checkIndex(noun.file() - FIRST_NOUN_FILE, LABELS.size()));
        return new Example("wordnet:" + noun.offset(), Map.of("text", definition(noun.gloss()), "label", label));
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
