package org.attune.sources;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** What the sources that read one file a split have in common. */
interface FileOptions {
    Path train();

    Path validation();

    Path test();

    /** The file's name for the field {@code text}; empty where the file has none. */
    String text();

    /** The file's name for the field {@code label}; empty where the file has none. */
    String label();

    /** The files given, by split. */
    default Map<String, Path> files() {
        Map<String, Path> files = new LinkedHashMap<>();
        files.put("train", train());
        files.put("validation", validation());
        files.put("test", test());
        files.values().removeIf(path -> path == null);
        return files;
    }
}
