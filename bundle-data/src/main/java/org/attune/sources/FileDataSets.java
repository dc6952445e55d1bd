package org.attune.sources;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.data.DataSet;
import org.attune.data.Example;
import org.attune.plugin.UserError;

/** Makes a data set of one file a split. */
final class FileDataSets {
    private FileDataSets() {}

    /** What reads the examples of one file. */
    interface Format {
        List<Example> read(TextFile file);
    }

    static DataSet open(String source, FileOptions options, Path base, Format format) {
        Map<String, Path> files = options.files();
        if (files.isEmpty()) {
            throw new UserError(source + ": no file given; set at least one of train, validation and test");
        }
        Path folder = base.toAbsolutePath().normalize();
        Map<String, List<Example>> splits = new HashMap<>();
        files.forEach((split, path) -> {
            Path resolved = folder.resolve(path).normalize();
            TextFile file = new TextFile(resolved, name(resolved, folder));
            if (!Files.exists(resolved)) {
                throw new UserError(source + ": " + split + ": " + file.name() + ": no such file"
                        + (resolved.startsWith(folder) ? " in " + folder : ""));
            }
            List<Example> examples = format.read(file);
            if (examples.isEmpty()) {
                throw new UserError(source + ": " + split + ": " + file.name() + ": the file holds no examples");
            }
            splits.put(split, examples);
        });
        return new InMemoryDataSet(splits, Optional.empty());
    }

    private static String name(Path file, Path base) {
        return (file.startsWith(base) ? base.relativize(file) : file).toString();
    }

    /**
     * The fields of an example: those of the file, the two that others rely on under their standard names.
     *
     * @throws UserError if one of these two is not there
     */
    static Map<String, String> fields(Map<String, String> found, FileOptions options, TextFile file, long line) {
        Map<String, String> fields = new LinkedHashMap<>(found);
        String text = take(fields, "text", options.text(), file, line, found.keySet());
        String label = take(fields, "label", options.label(), file, line, found.keySet());
        if (text != null) {
            fields.put("text", text);
        }
        if (label != null) {
            fields.put("label", label);
        }
        return Collections.unmodifiableMap(fields);
    }

    private static String take(
            Map<String, String> fields,
            String option,
            String name,
            TextFile file,
            long line,
            Collection<String> there) {
        if (name.isEmpty()) {
            return null;
        }
        String value = fields.remove(name);
        if (value == null) {
            throw file.at(
                    line,
                    "no field '" + name + "' for the " + option + "; there are: " + String.join(", ", there)
                            + "; name the right one with the option " + option + ", or \"\" if there is none");
        }
        return value;
    }
}
