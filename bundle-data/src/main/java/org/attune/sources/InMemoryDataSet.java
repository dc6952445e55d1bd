package org.attune.sources;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.attune.data.DataSet;
import org.attune.data.Example;

/** Examples held in memory. */
final class InMemoryDataSet implements DataSet {
    private final SortedMap<String, List<Example>> splits;
    private final Optional<List<String>> labels;
    private final String fingerprint;

    InMemoryDataSet(Map<String, List<Example>> splits, Optional<List<String>> labels) {
        this.splits = new TreeMap<>();
        splits.forEach((name, examples) -> this.splits.put(name, List.copyOf(examples)));
        this.labels = labels;
        this.fingerprint = fingerprint(this.splits);
    }

    @Override
    public List<String> splits() {
        return List.copyOf(splits.keySet());
    }

    @Override
    public int size(String split) {
        return examples(split).size();
    }

    @Override
    public Example get(String split, int index) {
        return examples(split).get(index);
    }

    private List<Example> examples(String split) {
        List<Example> examples = splits.get(split);
        if (examples == null) {
            throw new IllegalArgumentException("no split '" + split + "'; there are " + splits.keySet());
        }
        return examples;
    }

    @Override
    public Optional<List<String>> labels() {
        return labels;
    }

    @Override
    public String fingerprint() {
        return fingerprint;
    }

    @Override
    public void close() {
        // only memory
    }

    /** Over names and values, not over ids: the same text in a file of another name is the same data. */
    private static String fingerprint(SortedMap<String, List<Example>> splits) {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
        splits.forEach((name, examples) -> {
            add(digest, name);
            add(digest, examples.size());
            for (Example example : examples) {
                add(digest, example.fields().size());
                new TreeMap<>(example.fields()).forEach((field, value) -> {
                    add(digest, field);
                    add(digest, value);
                });
            }
        });
        return "sha256:" + HexFormat.of().formatHex(digest.digest());
    }

    /** The length goes first, so that no two lists of texts read alike. */
    private static void add(MessageDigest digest, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        add(digest, bytes.length);
        digest.update(bytes);
    }

    private static void add(MessageDigest digest, int number) {
        digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(number).flip());
    }
}
