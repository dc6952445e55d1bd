package org.attune.models.chat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.attune.model.ChatTemplate;
import org.attune.model.Tokenizer;
import org.attune.models.ChatFormat;
import org.attune.models.ModelConfig;
import org.attune.plugin.UserError;

/**
 * What a Hugging Face folder says of chats: end tokens in generation_config.json, else in config.json, and the tokenizer's own in
 * tokenizer_config.json; the template in chat_template.jinja, else in tokenizer_config.json.
 */
public final class ChatFiles {
    private static final String TEMPLATE = "chat_template";
    private static final String END = "eos_token";
    private static final Set<String> SPECIAL = Set.of("bos_token", END, "unk_token", "pad_token");

    private ChatFiles() {}

    /** @throws UserError if a file is broken, or the template is no template */
    public static ChatFormat read(Path folder, ModelConfig config, Tokenizer tokenizer) {
        Optional<ModelConfig> generation = json(folder.resolve("generation_config.json"));
        Optional<ModelConfig> own = json(folder.resolve("tokenizer_config.json"));
        ModelConfig ending = generation.filter(g -> g.has("eos_token_id")).orElse(config);
        Path file = folder.resolve(TEMPLATE + ".jinja");
        Optional<Template> alone = Files.exists(file)
                ? Optional.of(new Template(file.toString(), new String(bytes(file), StandardCharsets.UTF_8)))
                : Optional.empty();
        return format(ending, own, alone, tokenizer);
    }

    /**
     * The same of a model in one file.
     *
     * @param own what the folder's tokenizer_config.json would hold
     */
    public static ChatFormat of(ModelConfig config, ModelConfig own, Tokenizer tokenizer) {
        return format(config, Optional.of(own), Optional.empty(), tokenizer);
    }

    private record Template(String source, String text) {}

    /** @param alone a template in a file of its own, which comes first */
    private static ChatFormat format(
            ModelConfig ending, Optional<ModelConfig> own, Optional<Template> alone, Tokenizer tokenizer) {
        Set<Integer> ends = new LinkedHashSet<>(ending.ids("eos_token_id"));
        Map<String, String> special = new LinkedHashMap<>();
        own.ifPresent(o -> SPECIAL.forEach(name -> token(o, name).ifPresent(text -> special.put(name, text))));
        if (special.containsKey(END)) {
            int[] ids = tokenizer.tokenize(special.get(END)).ids();
            if (ids.length == 1) {
                ends.add(ids[0]);
            }
        }
        Optional<ChatTemplate> template = alone.or(() -> own.filter(o -> o.has(TEMPLATE))
                        .map(o -> new Template(
                                o.source() + ": " + TEMPLATE, o.namedText(TEMPLATE, "name", "default", "template"))))
                .map(t -> new JinjaTemplate(t.source(), t.text(), special));
        return new ChatFormat(ends.stream().mapToInt(Integer::intValue).toArray(), template);
    }

    /** A special token, which may stand as a string or as an object with its content. */
    private static Optional<String> token(ModelConfig config, String key) {
        if (!config.has(key)) {
            return Optional.empty();
        }
        return Optional.of(
                config.isObject(key) ? config.object(key).orElseThrow().text("content") : config.text(key));
    }

    private static Optional<ModelConfig> json(Path file) {
        return Files.exists(file) ? Optional.of(ModelConfig.parse(file.toString(), bytes(file))) : Optional.empty();
    }

    private static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw UserError.cannot("read", file, e);
        }
    }
}
