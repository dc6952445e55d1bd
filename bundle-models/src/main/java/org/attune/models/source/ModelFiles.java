package org.attune.models.source;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.attune.plugin.UserError;

/** The files of a Hugging Face folder that describe a model, beside its weights: configuration, tokenizer, chat template. */
public final class ModelFiles {
    private static final Pattern NAMES = Pattern.compile("config\\.json|generation_config\\.json|tokenizer[\\w.-]*"
            + "|special_tokens_map\\.json|added_tokens\\.json|chat_template\\.(jinja|json)");

    private ModelFiles() {}

    /** Whether a file at the top of a folder or repository is one of them. */
    public static boolean describes(String name) {
        return NAMES.matcher(name).matches();
    }

    /** Those of a folder, by name. */
    static Map<String, byte[]> in(Path folder) {
        Map<String, byte[]> contents = new TreeMap<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                if (describes(name) && Files.isRegularFile(file)) {
                    contents.put(name, Files.readAllBytes(file));
                }
            }
        } catch (IOException e) {
            throw UserError.cannot("read", folder, e);
        }
        return contents;
    }
}
