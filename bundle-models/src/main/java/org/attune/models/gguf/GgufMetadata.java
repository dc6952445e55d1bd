package org.attune.models.gguf;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.attune.plugin.UserError;

/** What a GGUF file says of its model, by key ({@code llama.block_count}); errors name the file and the key. */
final class GgufMetadata {
    /**
     * A list, decoded when it is asked for.
     *
     * @param bytes its elements, one after another, little-endian; checked to be there
     */
    record Array(GgufValue type, int length, ByteBuffer bytes) {
        @Override
        public String toString() {
            return "a list of " + length + " of type " + type;
        }
    }

    private final String source;
    private final Map<String, Object> values = new LinkedHashMap<>();

    GgufMetadata(String source) {
        this.source = source;
    }

    /** @param value a Long, Double, Boolean, String or {@link Array} */
    void put(String key, Object value) {
        if (values.put(key, value) != null) {
            throw new UserError(source + ": metadata has the key '" + printable(key) + "' twice");
        }
    }

    Set<String> keys() {
        return Collections.unmodifiableSet(values.keySet());
    }

    boolean has(String key) {
        return values.containsKey(key);
    }

    /** A Long, Double, Boolean, String or {@link Array}. */
    Object value(String key) {
        return typed(key, Object.class, "a value");
    }

    String text(String key) {
        return typed(key, String.class, "a string");
    }

    boolean flag(String key, boolean otherwise) {
        return has(key) ? typed(key, Boolean.class, "true or false") : otherwise;
    }

    /** A whole number from 0 that fits an int. */
    int whole(String key) {
        long value = typed(key, Long.class, "a whole number");
        if (value < 0 || value > Integer.MAX_VALUE) {
            throw invalid(key, "a whole number from 0 to " + Integer.MAX_VALUE);
        }
        return (int) value;
    }

    double number(String key) {
        return typed(key, Number.class, "a number").doubleValue();
    }

    String[] texts(String key) {
        Array array = array(key, GgufValue.STRING);
        ByteBuffer in = array.bytes().duplicate().order(array.bytes().order());
        String[] texts = new String[array.length()];
        for (int i = 0; i < texts.length; i++) {
            int bytes = (int) in.getLong();
            texts[i] = StandardCharsets.UTF_8
                    .decode(in.slice(in.position(), bytes))
                    .toString();
            in.position(in.position() + bytes);
        }
        return texts;
    }

    int[] ints(String key) {
        Array array = array(key, GgufValue.INT32);
        int[] ints = new int[array.length()];
        array.bytes().asIntBuffer().get(ints);
        return ints;
    }

    float[] floats(String key) {
        Array array = array(key, GgufValue.FLOAT32);
        float[] floats = new float[array.length()];
        array.bytes().asFloatBuffer().get(floats);
        return floats;
    }

    /** The error for a feature that is not built. */
    UserError unsupported(String key) {
        return new UserError(source + ": " + printable(key) + " is " + printable(String.valueOf(values.get(key)))
                + ", which is not supported; only models without it are");
    }

    UserError invalid(String key, String expected) {
        String found = printable(String.valueOf(values.get(key)));
        return new UserError(source + ": " + printable(key) + " is " + found + ", expected " + expected);
    }

    /** Keys and values come from the file: no line ends or terminal escapes in a message, and no novels. */
    private static String printable(String text) {
        String line = text.replaceAll("\\p{Cntrl}", "?");
        return line.length() <= 100 ? line : line.substring(0, 100) + "...";
    }

    private Array array(String key, GgufValue type) {
        Array array = typed(key, Array.class, "a list");
        if (array.type() != type) {
            throw invalid(key, "a list of " + type);
        }
        return array;
    }

    private <T> T typed(String key, Class<T> type, String expected) {
        Object value = values.get(key);
        if (value == null) {
            throw new UserError(source + ": metadata has no " + printable(key));
        }
        if (!type.isInstance(value)) {
            throw invalid(key, expected);
        }
        return type.cast(value);
    }
}
