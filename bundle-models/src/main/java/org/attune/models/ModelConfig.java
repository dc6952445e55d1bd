package org.attune.models;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import org.attune.plugin.UserError;

/** A model's config.json: typed access to its values, with errors that name the file and the key. */
public final class ModelConfig {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final String source;
    private final JsonNode root;

    private ModelConfig(String source, JsonNode root) {
        this.source = source;
        this.root = root;
    }

    /**
     * @param source what to call the file in messages
     * @throws UserError if it is not a JSON object
     */
    public static ModelConfig parse(String source, byte[] json) {
        JsonNode root;
        try {
            root = JSON.readTree(json);
        } catch (JsonProcessingException e) {
            throw new UserError(
                    source + ":" + e.getLocation().getLineNr() + ": is not JSON: " + oneLine(e.getOriginalMessage()),
                    e);
        } catch (IOException e) {
            throw new UserError(source + ": cannot read: " + e.getMessage(), e);
        }
        if (!root.isObject()) {
            throw new UserError(source + ": expected a JSON object");
        }
        return new ModelConfig(source, root);
    }

    /** What the file is called in messages. */
    public String source() {
        return source;
    }

    /** A size: a whole number from 1. */
    public int size(String key) {
        JsonNode value = required(key);
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 1) {
            throw invalid(key, "a whole number from 1");
        }
        return value.intValue();
    }

    /** A number from {@code min} up to, and without, {@code max}. */
    public double number(String key, double min, double max) {
        JsonNode value = required(key);
        if (!value.isNumber() || !(value.doubleValue() >= min && value.doubleValue() < max)) {
            throw invalid(key, "a number from " + min + " and below " + max);
        }
        return value.doubleValue();
    }

    public String text(String key) {
        JsonNode value = required(key);
        if (!value.isTextual()) {
            throw invalid(key, "a string");
        }
        return value.textValue();
    }

    /** Whether there is a value other than null. */
    public boolean has(String key) {
        return root.hasNonNull(key);
    }

    /**
     * Refuses a feature that is not built: the value must be absent, null, false or empty, or this one.
     *
     * @param supported the value that is supported, or null for none
     */
    public void refuse(String key, String supported) {
        JsonNode value = root.path(key);
        boolean off = value.isMissingNode()
                || value.isNull()
                || value.isBoolean() && !value.booleanValue()
                || value.isContainerNode() && value.isEmpty()
                || value.isTextual() && value.textValue().equals(supported);
        if (!off) {
            throw new UserError(source + ": " + key + " is " + shown(key) + ", which is not supported; "
                    + (supported == null ? "only models without it are" : "only '" + supported + "' is"));
        }
    }

    /** The error for a value that is there and not as expected. */
    public UserError invalid(String key, String expected) {
        return new UserError(source + ": " + key + " is " + shown(key) + ", expected " + expected);
    }

    private JsonNode required(String key) {
        if (!has(key)) {
            throw new UserError(source + ": " + key + " is missing");
        }
        return root.get(key);
    }

    private String shown(String key) {
        String text = oneLine(root.get(key).toString());
        return text.length() <= 100 ? text : text.substring(0, 100) + "...";
    }

    private static String oneLine(String text) {
        return text.replaceAll("\\p{Cntrl}", " ");
    }
}
