package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.attune.model.ChatMessage;
import org.attune.model.ChatTokens;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.models.source.FolderModelLoader;
import org.attune.plugin.UserError;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.testkit.Golden;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Chats as token ids, with what is learnt of them. Expected values: transformers and TRL. */
class ChatTokensTest {
    @TempDir
    Path folder;

    private Model llama(String template) throws IOException {
        Path golden = Golden.path("models/llama");
        try (Stream<Path> files = Files.list(golden)) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        Files.writeString(folder.resolve("chat_template.jinja"), template);
        TensorEngine engine = new ReferenceEngine();
        return new FolderModelLoader()
                .load(folder.toString(), folder, engine, WeightForm.decoded(engine.dtype()))
                .orElseThrow();
    }

    private static JsonNode golden() throws IOException {
        return new ObjectMapper().readTree(Golden.path("sft/tokenisation.json").toFile());
    }

    private static List<ChatMessage> chat(JsonNode messages) {
        List<ChatMessage> chat = new ArrayList<>();
        messages.forEach(m -> chat.add(
                new ChatMessage(m.get("role").asText(), m.get("content").asText())));
        return chat;
    }

    @Test
    void idsAndTheAssistantsTokensAreTransformers() throws IOException {
        JsonNode golden = golden();
        try (Model model = llama(golden.get("template").asText())) {
            JsonNode items = golden.at("/conversations/items");
            assertThat(items).isNotEmpty();
            for (JsonNode item : items) {
                ChatTokens tokens = ChatTokens.of(model, chat(item.get("messages")));
                assertThat(tokens.ids()).containsExactly(ints(item.get("input_ids")));
                int[] mask = ints(item.get("assistant_mask"));
                for (int i = 0; i < mask.length; i++) {
                    assertThat(tokens.assistant()[i]).as("token " + i).isEqualTo(mask[i] == 1);
                }
            }
            for (JsonNode item : golden.at("/prompt_completion_chat/items")) {
                assertThat(ChatTokens.prompt(model, chat(item.get("prompt"))))
                        .containsExactly(ints(item.get("prompt_ids")));
            }
        }
    }

    private static int[] ints(JsonNode list) {
        int[] ints = new int[list.size()];
        for (int i = 0; i < ints.length; i++) {
            ints[i] = list.get(i).asInt();
        }
        return ints;
    }

    @Test
    void withoutMarksTheAssistantsTokensAreWhatItsTurnAdds() throws IOException {
        JsonNode golden = golden();
        String unmarked = golden.get("template")
                .asText()
                .replace("{%- generation -%}", "")
                .replace("{%- endgeneration -%}", "");
        try (Model model = llama(unmarked)) {
            for (JsonNode item : golden.at("/prompt_completion_chat/items")) {
                List<ChatMessage> chat = chat(item.get("prompt"));
                chat.addAll(chat(item.get("completion")));
                ChatTokens tokens = ChatTokens.of(model, chat);
                assertThat(tokens.ids()).containsExactly(ints(item.get("input_ids")));
                int[] mask = ints(item.get("completion_mask"));
                for (int i = 0; i < mask.length; i++) {
                    assertThat(tokens.assistant()[i]).as("token " + i).isEqualTo(mask[i] == 1);
                }
            }
        }
    }

    @Test
    void aTemplateThatLeavesTheEndOfATurnOutIsRefused() throws IOException {
        String wrong = golden().get("template")
                .asText()
                .replace(
                        "{%- generation -%}{{ m['content'] + '</s>' }}{%- endgeneration -%}",
                        "{%- generation -%}{{ m['content'] }}{%- endgeneration -%}{{ '</s>' }}");
        try (Model model = llama(wrong)) {
            assertThatThrownBy(() -> ChatTokens.of(
                            model, List.of(new ChatMessage("user", "a heron"), new ChatMessage("assistant", "stood"))))
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining("leaves the token that ends a turn out of what the assistant says ('stood')")
                    .hasMessageContaining("{% endgeneration %}");
        }
    }

    @Test
    void aTemplateThatRewritesEarlierTurnsIsRefusedWithoutMarks() throws IOException {
        try (Model model = llama("{% for m in messages %}{{ loop.length ~ m.content ~ '</s>' }}{% endfor %}")) {
            assertThatThrownBy(() -> ChatTokens.of(
                            model, List.of(new ChatMessage("user", "a heron"), new ChatMessage("assistant", "stood"))))
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining("writes a turn otherwise once others follow");
        }
    }
}
