package org.attune.sources;

import java.nio.file.Path;
import org.attune.plugin.Option;

/** What {@link Jsonl} may be told; see {@link FileOptions}. */
public record JsonlOptions(
        @Option(value = "file of the training examples", defaults = "")
        Path train,

        @Option(value = "file of the validation examples", defaults = "")
        Path validation,

        @Option(value = "file of the test examples", defaults = "")
        Path test,

        @Option(value = "the key that holds the text; empty if there is none", defaults = "text")
        String text,

        @Option(value = "the key that holds the label; empty if there is none", defaults = "label")
        String label)
        implements FileOptions {}
