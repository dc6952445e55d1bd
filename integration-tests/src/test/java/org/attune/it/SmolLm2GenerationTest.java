package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.attune.generation.Decoding;
import org.attune.generation.Generated;
import org.attune.generation.Generator;
import org.attune.kernel.generation.LoadedGenerator;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Wiring;
import org.attune.model.ChatMessage;
import org.attune.model.ChatTokens;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.model.Weights;
import org.attune.models.source.FolderModelLoader;
import org.attune.tensor.cpu.CpuEngine;
import org.attune.tensor.engine.TensorEngine;
import org.attune.testkit.Golden;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A real model's chats, from its GGUF. Expected values: transformers in float32. */
class SmolLm2GenerationTest {
    /** Where the best token leads the second by less, rounding may choose the other. */
    private static final double MARGIN = 0.005;

    @ParameterizedTest
    @EnumSource(
            value = Weights.class,
            names = {"DECODED", "BLOCKS"}) // others round the weights
    void chatsGoOnAsInTransformers(Weights weights) throws IOException {
        Path folder = Golden.model("smollm2-135m-instruct");
        JsonNode expected =
                new ObjectMapper().readTree(folder.resolve("expected.json").toFile());
        Path gguf = folder.resolve("SmolLM2-135M-Instruct.Q4_1.gguf");
        TensorEngine engine = new CpuEngine();
        Model model = new FolderModelLoader()
                .load(gguf.toString(), folder, engine, new WeightForm(engine.dtype(), weights))
                .orElseThrow();
        ParameterStore none = new ParameterStore(engine, model, 0);
        try (Generator generator =
                new LoadedGenerator(engine, model, none, new Wiring(model), Optional.empty(), 2, () -> {
                    none.close();
                    model.close();
                })) {
            List<int[]> prompts = new ArrayList<>();
            for (JsonNode chat : expected.get("chat")) {
                List<ChatMessage> messages = new ArrayList<>();
                chat.get("messages")
                        .forEach(m -> messages.add(new ChatMessage(
                                m.get("role").asText(), m.get("content").asText())));
                int[] ids = ChatTokens.prompt(model, messages);
                assertThat(ids).containsExactly(ints(chat.get("prompt_ids")));
                prompts.add(ids);
            }
            List<Generated> texts = generator.generate(prompts, Decoding.greedy(32));
            for (int i = 0; i < texts.size(); i++) {
                JsonNode chat = expected.at("/chat/" + i);
                int[] greedy = ints(chat.get("greedy_ids"));
                int certain = 0;
                while (certain < greedy.length
                        && chat.at("/greedy_margins/" + certain).asDouble() >= MARGIN) {
                    certain++;
                }
                assertThat(certain).isPositive();
                assertThat(texts.get(i).ids()).startsWith(Arrays.copyOf(greedy, certain));
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
}
