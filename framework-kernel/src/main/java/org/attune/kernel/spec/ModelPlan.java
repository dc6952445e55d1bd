package org.attune.kernel.spec;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import org.attune.model.NewModel;
import org.attune.plugin.Option;

/**
 * A model that a spec asks to be made.
 *
 * @param config the keys of a config.json
 */
public record ModelPlan(SpecNode.Fields config, Tokenizer tokenizer) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** @param vocabulary the largest number of tokens */
    public record Tokenizer(
            @Option(
                    value = "the largest number of tokens of the tokenizer, which is trained on the training split",
                    min = 1)
            int vocabulary) {}

    /** With the seed that decides its weights. */
    public NewModel seeded(long seed) {
        return new NewModel(json(config).toString(), tokenizer.vocabulary(), seed);
    }

    /** Texts of a spec that are JSON, such as numbers, are what they say; all others are texts. */
    private static JsonNode json(SpecNode node) {
        if (node instanceof SpecNode.Fields fields) {
            ObjectNode object = JSON.createObjectNode();
            fields.fields().forEach((key, value) -> object.set(key, json(value)));
            return object;
        }
        if (node instanceof SpecNode.Items items) {
            ArrayNode array = JSON.createArrayNode();
            items.items().forEach(item -> array.add(json(item)));
            return array;
        }
        String text = ((SpecNode.Scalar) node).value();
        if (text == null) {
            return JSON.nullNode();
        }
        try {
            JsonNode value = JSON.readTree(text);
            return value.isValueNode() && !value.isMissingNode() ? value : TextNode.valueOf(text);
        } catch (JsonProcessingException e) {
            return TextNode.valueOf(text); // not JSON, as most texts
        }
    }
}
