package org.attune.models;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import org.attune.model.Tokenizer;
import org.attune.plugin.UserError;

/**
 * A Hugging Face tokenizer.json. Padding and truncation that the file asks for are ignored: sequences are packed, and each
 * call says its own limit. Thread-safe; closing frees native memory and ends all use.
 */
public final class PretrainedTokenizer implements Tokenizer, AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final String source;
    private final HuggingFaceTokenizer tokenizer;
    private final String fingerprint;
    private final int vocabulary;
    /** How many special tokens stand before and after a text. */
    private final int before;

    private final int after;

    private PretrainedTokenizer(String source, HuggingFaceTokenizer tokenizer, String fingerprint, int vocabulary) {
        this.source = source;
        this.tokenizer = tokenizer;
        this.fingerprint = fingerprint;
        this.vocabulary = vocabulary;
        long[] special = tokenizer.encode("a", true, false).getSpecialTokenMask();
        int leading = 0;
        while (leading < special.length && special[leading] == 1) {
            leading++;
        }
        int trailing = 0;
        while (trailing < special.length - leading && special[special.length - 1 - trailing] == 1) {
            trailing++;
        }
        this.before = leading;
        this.after = trailing;
    }

    /**
     * @param source what to call the file in messages
     * @param json the content of a tokenizer.json
     * @throws UserError if it is broken, or of a kind that the tokenizer library does not know
     */
    public static PretrainedTokenizer read(String source, byte[] json) {
        int vocabulary = vocabulary(source, json);
        try {
            HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.newInstance(
                    new ByteArrayInputStream(json), Map.of("padding", "false", "truncation", "false"));
            try {
                return new PretrainedTokenizer(
                        source, tokenizer, new Fingerprint().add(json).text(), vocabulary);
            } catch (Throwable t) {
                tokenizer.close();
                throw t;
            }
        } catch (IOException | RuntimeException e) {
            throw new UserError(source + ": is not a tokenizer.json that can be used: " + oneLine(e.getMessage()), e);
        }
    }

    /** What the file is called in messages. */
    public String source() {
        return source;
    }

    /** {@inheritDoc} @throws UserError if {@code maxLength} has no room for the special tokens alone */
    @Override
    public int[] encode(String text, int maxLength) {
        if (maxLength < before + after) {
            throw new UserError("a maximum length of " + maxLength + " tokens, expected at least " + (before + after)
                    + ": the special tokens of " + source);
        }
        Encoding encoding = tokenizer.encode(text, true, false);
        int[] ids = Arrays.stream(encoding.getIds()).mapToInt(Math::toIntExact).toArray();
        if (ids.length <= maxLength) {
            return ids;
        }
        int[] cut = Arrays.copyOf(ids, maxLength);
        System.arraycopy(ids, ids.length - after, cut, maxLength - after, after);
        return cut;
    }

    @Override
    public String decode(int[] ids) {
        return tokenizer.decode(Arrays.stream(ids).asLongStream().toArray(), true);
    }

    /** One more than the largest id. */
    @Override
    public int vocabulary() {
        return vocabulary;
    }

    @Override
    public String fingerprint() {
        return fingerprint;
    }

    @Override
    public void close() {
        tokenizer.close();
    }

    /**
     * One more than the largest id among {@code model.vocab}, an object of ids or (Unigram) a list of pieces, and
     * {@code added_tokens}; the library does not tell.
     */
    private static int vocabulary(String source, byte[] json) {
        JsonNode root;
        try {
            root = JSON.readTree(json);
        } catch (IOException e) {
            throw new UserError(source + ": is not JSON: " + oneLine(e.getMessage()), e);
        }
        JsonNode vocabulary = root.path("model").path("vocab");
        int size = vocabulary.isArray() ? vocabulary.size() : 0;
        if (vocabulary.isObject()) {
            for (JsonNode id : vocabulary) {
                size = Math.max(size, id.asInt() + 1);
            }
        }
        for (JsonNode token : root.path("added_tokens")) {
            size = Math.max(size, token.path("id").asInt() + 1);
        }
        if (size == 0) {
            throw new UserError(source + ": no vocabulary in it, so it is no tokenizer.json");
        }
        return size;
    }

    private static String oneLine(String message) {
        return String.valueOf(message).replaceAll("\\p{Cntrl}", " ");
    }
}
