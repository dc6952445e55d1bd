package org.attune.models.gguf;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;

/**
 * Byte-pair encoding over bytes (Radford et al. 2019), with some of the ways to cut a text into words beforehand
 * ({@code tokenizer.ggml.pre}). A file that does not name one gets llama.cpp's {@code default}, as there.
 */
final class ByteLevelTokenizer extends GgufTokenizer {
    private static final String MERGES = "tokenizer.ggml.merges";
    private static final String WORDS = "tokenizer.ggml.pre";
    private static final String LLAMA3 = "llama-bpe";
    private static final String QWEN2 = "qwen2";
    /** Contractions; letters with one mark or blank before them; digits, so many at most; other marks; blanks. */
    static final String PATTERN = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}%s|"
            + " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    private static final Map<String, Supplier<ObjectNode>> PRE_TOKENIZERS = new TreeMap<>(Map.of(
            "default",
            () -> words(
                    split("[\\p{P}\\$\\+<=>\\^~\\|]+"),
                    split("'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)"),
                    split("\\p{N}+"),
                    split("[0-9][0-9][0-9]"),
                    byteLevel(false)),
            "gpt-2",
            () -> byteLevel(true),
            "smollm",
            () -> words(node("Digits").put("individual_digits", true), byteLevel(true)),
            LLAMA3,
            () -> words(split(PATTERN.formatted("{1,3}")), byteLevel(false)),
            QWEN2,
            () -> words(split(PATTERN.formatted("")), byteLevel(false))));

    private final String words;

    ByteLevelTokenizer(GgufMetadata metadata) {
        super(metadata);
        this.words = metadata.has(WORDS) ? metadata.text(WORDS) : "default";
        if (!PRE_TOKENIZERS.containsKey(words)) {
            throw metadata.invalid(WORDS, "one of the supported: " + String.join(", ", PRE_TOKENIZERS.keySet()));
        }
    }

    @Override
    ObjectNode normalizer() {
        return words.equals(QWEN2) ? node("NFC") : null;
    }

    @Override
    ObjectNode preTokenizer() {
        return PRE_TOKENIZERS.get(words).get();
    }

    @Override
    ObjectNode decoder() {
        return byteLevel(true);
    }

    @Override
    ObjectNode model() {
        ObjectNode model = node("BPE").put("ignore_merges", words.equals(LLAMA3));
        ArrayNode merges = model.putArray("merges");
        for (String merge : metadata.texts(MERGES)) {
            merges.add(merge);
        }
        return model;
    }

    @Override
    boolean beginsUnlessSaid() {
        return words.equals(LLAMA3);
    }

    /** @param cut whether by GPT-2's pattern too */
    private static ObjectNode byteLevel(boolean cut) {
        return node("ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", true)
                .put("use_regex", cut);
    }

    private static ObjectNode split(String pattern) {
        ObjectNode split = node("Split").put("behavior", "Isolated").put("invert", false);
        split.putObject("pattern").put("Regex", pattern);
        return split;
    }

    private static ObjectNode words(ObjectNode... steps) {
        return sequence("pretokenizers", steps);
    }
}
