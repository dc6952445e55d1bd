package org.attune.kernel.merge;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.List;
import org.attune.plugin.UserError;

/** A model's config.json, brought to what has become of the model. */
final class ModelCard {
    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    /** How the names of Hugging Face's classes end that are no classifiers of sequences. */
    private static final String KIND = "(For\\w+|LMHeadModel|Model)$";

    private final ObjectNode config;

    ModelCard(byte[] json) throws IOException {
        if (!(JSON.readTree(json) instanceof ObjectNode object)) {
            throw new UserError("the model's config.json is no JSON object");
        }
        config = object;
        config.remove(List.of("torch_dtype", "dtype"));
        config.put("dtype", "float32");
    }

    /** As it was but for the type of the weights. */
    byte[] plain() throws IOException {
        return JSON.writeValueAsBytes(config);
    }

    /**
     * Of a classifier of sequences.
     *
     * @param labels in order of class number
     */
    byte[] forClasses(List<String> labels) throws IOException {
        if (config.path("architectures") instanceof ArrayNode names && !names.isEmpty()) {
            JsonNode name = names.get(0);
            names.removeAll().add(name.asText().replaceFirst(KIND, "") + "ForSequenceClassification");
        }
        config.remove("num_labels");
        ObjectNode byNumber = config.putObject("id2label");
        ObjectNode byLabel = config.putObject("label2id");
        for (int i = 0; i < labels.size(); i++) {
            byNumber.put(String.valueOf(i), labels.get(i));
            byLabel.put(labels.get(i), i);
        }
        return plain();
    }
}
