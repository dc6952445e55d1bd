package org.attune.models;

import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.LongFunction;
import org.attune.model.TokenizedText;
import org.attune.model.Tokenizer;
import org.attune.plugin.UserError;

/**
 * A Hugging Face tokenizer.json. Padding and truncation that the file asks for are ignored: sequences are packed, and each
 * call says its own limit. Thread-safe; closing frees native memory and ends all use.
 */
public final class PretrainedTokenizer implements Tokenizer, AutoCloseable {
    /** Tokens are many different names: none comes twice, and none is worth being kept. */
    private static final ObjectMapper JSON = JsonMapper.builder(JsonFactory.builder()
                    .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
                    .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                    .build())
            .build();

    private final String source;
    private final HuggingFaceTokenizer tokenizer;
    private final String fingerprint;
    private final int vocabulary;
    /** How many special tokens stand before and after a text. */
    private final int before;

    private final int after;
    private final OptionalInt mask;

    private PretrainedTokenizer(
            String source, HuggingFaceTokenizer tokenizer, String fingerprint, int vocabulary, OptionalInt mask) {
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
        this.mask = mask;
    }

    /**
     * @param source what to call the file in messages
     * @param json the content of a tokenizer.json
     * @throws UserError if it is broken, or of a kind that the tokenizer library does not know
     */
    public static PretrainedTokenizer read(String source, byte[] json) {
        JsonNode root = parse(source, json);
        int vocabulary = vocabulary(source, root);
        try {
            HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.newInstance(
                    new ByteArrayInputStream(json), Map.of("padding", "false", "truncation", "false"));
            try {
                return new PretrainedTokenizer(
                        source, tokenizer, new Fingerprint().add(json).text(), vocabulary, mask(root));
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
        return encoded(text, maxLength, encoding -> cut(TokenizersLibrary.LIB.getTokenIds(encoding), maxLength));
    }

    /** {@inheritDoc} @throws UserError if {@code maxLength} has no room for the special tokens alone */
    @Override
    public Words encodeWords(String text, int maxLength) {
        return encoded(
                text,
                maxLength,
                encoding -> new Words(
                        cut(TokenizersLibrary.LIB.getTokenIds(encoding), maxLength),
                        cut(TokenizersLibrary.LIB.getWordIds(encoding), maxLength)));
    }

    @Override
    public OptionalInt maskToken() {
        return mask;
    }

    /** Below the library's own encode, which also fetches all else that it knows of each token: half as much time again. */
    private <T> T encoded(String text, int maxLength, LongFunction<T> reading) {
        if (maxLength < before + after) {
            throw new UserError("a maximum length of " + maxLength + " tokens, expected at least " + (before + after)
                    + ": the special tokens of " + source);
        }
        long encoding = TokenizersLibrary.LIB.encode(tokenizer.getHandle(), text, true);
        try {
            return reading.apply(encoding);
        } finally {
            TokenizersLibrary.LIB.deleteEncoding(encoding);
        }
    }

    /** At most so many of what an encoding has for each token, the special ones at the end included. */
    private int[] cut(long[] ofTokens, int maxLength) {
        int[] cut = new int[Math.min(ofTokens.length, maxLength)];
        int skipped = ofTokens.length - cut.length;
        for (int i = 0; i < cut.length; i++) {
            cut[i] = Math.toIntExact(ofTokens[i < cut.length - after ? i : i + skipped]);
        }
        return cut;
    }

    @Override
    public TokenizedText tokenize(String text) {
        Encoding encoding = tokenizer.encode(text, false, false);
        int[] ids = Arrays.stream(encoding.getIds()).mapToInt(Math::toIntExact).toArray();
        CharSpan[] spans = encoding.getCharTokenSpans();
        int[] starts = new int[ids.length];
        int[] ends = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            // The library counts characters, Java counts pairs of surrogates twice.
            starts[i] = text.offsetByCodePoints(
                    i == 0 ? 0 : starts[i - 1], spans[i].getStart() - (i == 0 ? 0 : spans[i - 1].getStart()));
            ends[i] = text.offsetByCodePoints(starts[i], spans[i].getEnd() - spans[i].getStart());
        }
        return new TokenizedText(ids, starts, ends);
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
    private static int vocabulary(String source, JsonNode root) {
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

    private static JsonNode parse(String source, byte[] json) {
        try {
            return JSON.readTree(json);
        } catch (IOException e) {
            throw new UserError(source + ": is not JSON: " + oneLine(e.getMessage()), e);
        }
    }

    /** By the names that BERT's and RoBERTa's tokenizers give it; the file does not say what a special token is for. */
    private static OptionalInt mask(JsonNode root) {
        for (JsonNode token : root.path("added_tokens")) {
            String content = token.path("content").asText();
            if (content.equals("[MASK]") || content.equals("<mask>")) {
                return OptionalInt.of(token.path("id").asInt());
            }
        }
        return OptionalInt.empty();
    }

    private static String oneLine(String message) {
        return String.valueOf(message).replaceAll("\\p{Cntrl}", " ");
    }
}
