package org.attune.models;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.attune.plugin.UserError;

/** A model's config.json: typed access to its values, with errors that name the file and the key. */
public final class ModelConfig {
    private static final System.Logger LOG = System.getLogger(ModelConfig.class.getName());
    private static final ObjectMapper JSON = new ObjectMapper();

    private static final int LARGEST = 1 << 24;
    /** A model is described layer by layer, in memory. */
    private static final int MOST_LAYERS = 1000;

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

    /** @param source what to call it in messages */
    public static ModelConfig of(String source, ObjectNode json) {
        return new ModelConfig(source, json);
    }

    /** What the file is called in messages. */
    public String source() {
        return source;
    }

    /** A size: a whole number from 1, so far below the largest int that a few of them can be multiplied by a digit. */
    public int size(String key) {
        return whole(key, LARGEST);
    }

    /** How many layers there are. */
    public int layers(String key) {
        return whole(key, MOST_LAYERS);
    }

    private int whole(String key, int most) {
        JsonNode value = required(key);
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 1 || value.intValue() > most) {
            throw invalid(key, "a whole number from 1 to " + most);
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

    /** Refuses a number other than this one; it may be absent. */
    public void refuseOtherThan(String key, double supported) {
        JsonNode value = root.path(key);
        if (has(key) && !(value.isNumber() && value.doubleValue() == supported)) {
            throw new UserError(
                    source + ": " + key + " is " + shown(key) + ", which is not supported; only " + supported + " is");
        }
    }

    /** Warns of a dropout that the configuration asks for in training and the model does not do. */
    public void warnOfDropout(String key, String what) {
        if (has(key) && number(key, 0, 1) > 0) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "{0}: {1} is {2}, but {3} are not dropped",
                    source,
                    key,
                    shown(key),
                    what);
        }
    }

    /** A size, or what it is where the configuration does not say. */
    public int size(String key, int otherwise) {
        return has(key) ? size(key) : otherwise;
    }

    /** Whether a switch is on; off where it is absent. */
    public boolean flag(String key) {
        return flag(key, false);
    }

    public boolean flag(String key, boolean otherwise) {
        if (has(key) && !root.get(key).isBoolean()) {
            throw invalid(key, "true or false");
        }
        return has(key) ? root.get(key).booleanValue() : otherwise;
    }

    /** An object inside, whose messages name it too; empty where it is absent or null. */
    public Optional<ModelConfig> object(String key) {
        if (!has(key)) {
            return Optional.empty();
        }
        if (!root.get(key).isObject()) {
            throw invalid(key, "a JSON object");
        }
        return Optional.of(new ModelConfig(source + ": in " + key, root.get(key)));
    }

    /** The keys, in the file's order. */
    public List<String> keys() {
        List<String> keys = new ArrayList<>();
        root.fieldNames().forEachRemaining(keys::add);
        return keys;
    }

    /** A list of strings; empty where it is absent or null. */
    public List<String> texts(String key) {
        List<String> texts = new ArrayList<>();
        for (JsonNode text : root.path(key)) {
            if (!text.isTextual()) {
                throw invalid(key, "a list of strings");
            }
            texts.add(text.textValue());
        }
        return texts;
    }

    /** Token ids: a number or a list of them; empty where they are absent or null. */
    public List<Integer> ids(String key) {
        JsonNode value = root.path(key);
        List<Integer> ids = new ArrayList<>();
        for (JsonNode id : value.isArray() || !has(key) ? value : List.of(value)) {
            if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < 0) {
                throw invalid(key, "a token id or a list of them");
            }
            ids.add(id.intValue());
        }
        return ids;
    }

    /** Whether a value is an object. */
    public boolean isObject(String key) {
        return root.path(key).isObject();
    }

    /**
     * A string, or one of several by name: a list of objects, each with a name and a string.
     *
     * @param nameKey of the names, {@code name} being the one that is wanted
     * @param textKey of the strings
     */
    public String namedText(String key, String nameKey, String name, String textKey) {
        if (!required(key).isArray()) {
            return text(key);
        }
        for (JsonNode entry : root.get(key)) {
            if (entry.path(nameKey).asText().equals(name) && entry.path(textKey).isTextual()) {
                return entry.get(textKey).textValue();
            }
        }
        throw new UserError(source + ": " + key + " is a list without a " + nameKey + " '" + name + "'");
    }

    /** The error for a value that is there and not as expected. */
    public UserError invalid(String key, String expected) {
        return new UserError(source + ": " + key + " is " + shown(key) + ", expected " + expected);
    }

    /** Insists on a value that families give where others do without. */
    public void require(String key) {
        required(key);
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
