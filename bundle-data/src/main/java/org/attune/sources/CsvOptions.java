package org.attune.sources;

import java.nio.file.Path;
import org.attune.plugin.Option;

/** What {@link Csv} may be told; see {@link FileOptions}. */
public record CsvOptions(
        @Option(value = "file of the training examples", defaults = "")
        Path train,

        @Option(value = "file of the validation examples", defaults = "")
        Path validation,

        @Option(value = "file of the test examples", defaults = "")
        Path test,

        @Option(value = "the column that holds the text; empty if there is none", defaults = "text")
        String text,

        @Option(value = "the column that holds the label; empty if there is none", defaults = "label")
        String label,

        @Option(value = "what separates two fields: one character, or tab", defaults = ",")
        String delimiter,

        @Option(
                value =
                        "what encloses a field that holds delimiters or line ends: one character; empty if quotes mean nothing",
                defaults = "\"")
        String quote,

        @Option(
                value = "whether the first row names the columns; without, they are called 1, 2 and so on",
                defaults = "true")
        boolean header)
        implements FileOptions {}
