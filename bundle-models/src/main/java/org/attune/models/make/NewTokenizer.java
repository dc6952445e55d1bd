package org.attune.models.make;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/**
 * A byte-level tokenizer in the form of tokenizer.json. Its first token, {@link #END}, stands before each text and may be written
 * after it; then come the 256 bytes and the merges, in order.
 *
 * @param json the file's content
 * @param size how many ids there are
 */
record NewTokenizer(byte[] json, int size) {
    /** Begins a text, and ends it. */
    static final String END = "<|endoftext|>";

    private static final ObjectMapper JSON = new ObjectMapper();

    /** Trains one of at most so many ids. */
    static NewTokenizer train(Iterable<String> texts, int vocabulary) {
        List<String> tokens = Bytes.all();
        ObjectNode model = JSON.createObjectNode().put("type", "BPE");
        ArrayNode merges = JSON.createArrayNode();
        for (BytePairs.Pair pair : BytePairs.train(texts, vocabulary - 1 - tokens.size())) {
            String left = tokens.get(pair.left());
            String right = tokens.get(pair.right());
            merges.add(left + " " + right);
            tokens.add(left + right);
        }
        ObjectNode ids = model.putObject("vocab").put(END, 0);
        for (String token : tokens) {
            ids.put(token, ids.size());
        }
        model.set("merges", merges);

        ObjectNode root = JSON.createObjectNode().put("version", "1.0");
        root.putArray("added_tokens")
                .addObject()
                .put("id", 0)
                .put("content", END)
                .put("single_word", false)
                .put("lstrip", false)
                .put("rstrip", false)
                .put("normalized", false)
                .put("special", true);
        root.putNull("normalizer");
        root.set("pre_tokenizer", byteLevel());
        root.set("post_processor", beginning());
        root.set("decoder", byteLevel());
        root.set("model", model);
        try {
            return new NewTokenizer(JSON.writeValueAsBytes(root), ids.size());
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree of texts and numbers can be written", e);
        }
    }

    private static ObjectNode byteLevel() {
        return JSON.createObjectNode()
                .put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", false)
                .put("use_regex", true);
    }

    private static ObjectNode beginning() {
        ObjectNode template = JSON.createObjectNode().put("type", "TemplateProcessing");
        ArrayNode single = template.putArray("single");
        special(single.addObject());
        sequence(single.addObject(), "A");
        ArrayNode pair = template.putArray("pair");
        special(pair.addObject());
        sequence(pair.addObject(), "A");
        sequence(pair.addObject(), "B");
        ObjectNode token = template.putObject("special_tokens").putObject(END).put("id", END);
        token.putArray("ids").add(0);
        token.putArray("tokens").add(END);
        return template;
    }

    private static void special(ObjectNode piece) {
        piece.putObject("SpecialToken").put("id", END).put("type_id", 0);
    }

    private static void sequence(ObjectNode piece, String id) {
        piece.putObject("Sequence").put("id", id).put("type_id", 0);
    }
}
