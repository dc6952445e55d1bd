package org.attune.tensor.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;

/**
 * The header of a safetensors file, which nobody vouches for: every number in it is checked against the file's size
 * before anything is allocated by it, so that what is handed out can be read without further checks.
 *
 * <p>The file: the header's length as a little-endian 64-bit integer, the header in JSON (padded with spaces), the
 * data. The header maps each tensor's name to {@code {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}},
 * offsets counting from the start of the data, and {@code __metadata__} to a map of strings. The tensors cover the
 * data without gap or overlap.
 */
final class TensorHeader {
    /** The cap of the format's reference implementation. */
    static final int MAX_BYTES = 100_000_000;

    static final String METADATA = "__metadata__";

    /** Where a tensor is: bytes from {@code begin} up to {@code end} of the file. */
    record Entry(ElementType type, Shape shape, long begin, long end) {}

    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(4) // header, tensor, shape, and one that is refused by name
                    .maxNumberLength(20)
                    .maxNameLength(10_000)
                    .build())
            .build();

    private final FileBytes file;
    private final long dataBegin;
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final Map<String, Entry> entries = new LinkedHashMap<>();

    private TensorHeader(FileBytes file, long dataBegin) {
        this.file = file;
        this.dataBegin = dataBegin;
    }

    /** @throws UserError if the header breaks a rule of the format or contradicts the file's size */
    static TensorHeader read(FileBytes file) {
        long size = file.size();
        if (size < 8) {
            throw file.invalid("not a safetensors file: " + size + " bytes, expected at least 8");
        }
        ByteBuffer prefix = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        file.read(0, prefix);
        long length = prefix.getLong(0);
        long limit = Math.min(MAX_BYTES, size - 8);
        if (length < 2 || length > limit) {
            throw file.invalid("the header's length is given as " + Long.toUnsignedString(length)
                    + " bytes, expected 2 to " + limit + " in a file of " + size
                    + ": truncated, or not a safetensors file");
        }
        ByteBuffer json = ByteBuffer.allocate((int) length);
        file.read(8, json);
        TensorHeader header = new TensorHeader(file, 8 + length);
        header.parse(json.array());
        header.checkCoverage();
        return header;
    }

    /** By name, in the header's order. */
    Map<String, Entry> entries() {
        return entries;
    }

    Map<String, String> metadata() {
        return metadata;
    }

    private void parse(byte[] bytes) {
        // A decoder of our own refuses broken UTF-8 and keeps the parser from guessing another encoding.
        try (Reader chars =
                        new InputStreamReader(new ByteArrayInputStream(bytes), StandardCharsets.UTF_8.newDecoder());
                JsonParser json = JSON.createParser(chars)) {
            expect(json, json.nextToken(), JsonToken.START_OBJECT, "the header");
            while (json.nextToken() != JsonToken.END_OBJECT) {
                String name = json.currentName();
                if (name.equals(METADATA)) {
                    parseMetadata(json);
                } else {
                    entries.put(name, parseEntry(json, "tensor " + FileErrors.quote(name)));
                }
            }
            if (json.nextToken() != null) {
                throw file.invalid("the header goes on after its closing brace");
            }
        } catch (JsonProcessingException e) {
            String at = e.getLocation() == null
                    ? ""
                    : " at character " + e.getLocation().getCharOffset();
            throw file.invalid("the header is not valid JSON" + at + ": " + e.getOriginalMessage());
        } catch (CharacterCodingException e) {
            throw file.invalid("the header is not valid UTF-8");
        } catch (IOException e) {
            throw new AssertionError("reading from memory", e);
        }
    }

    private void parseMetadata(JsonParser json) throws IOException {
        expect(json, json.nextToken(), JsonToken.START_OBJECT, METADATA);
        while (json.nextToken() != JsonToken.END_OBJECT) {
            String key = json.currentName();
            expect(json, json.nextToken(), JsonToken.VALUE_STRING, METADATA + " " + FileErrors.quote(key));
            metadata.put(key, json.getText());
        }
    }

    private Entry parseEntry(JsonParser json, String what) throws IOException {
        expect(json, json.nextToken(), JsonToken.START_OBJECT, what);
        ElementType type = null;
        long[] dims = null;
        long[] offsets = null;
        while (json.nextToken() != JsonToken.END_OBJECT) {
            String field = json.currentName();
            json.nextToken();
            switch (field) {
                case "dtype" -> type = parseType(json, what);
                case "shape" -> dims = parseNumbers(json, what + ": shape");
                case "data_offsets" -> offsets = parseNumbers(json, what + ": data_offsets");
                default ->
                    throw file.invalid(what + ": unknown field " + FileErrors.quote(field)
                            + ", expected dtype, shape, data_offsets");
            }
        }
        if (type == null || dims == null || offsets == null) {
            String missing = type == null ? "dtype" : dims == null ? "shape" : "data_offsets";
            throw file.invalid(what + ": " + missing + " is missing");
        }
        return checked(what, type, dims, offsets);
    }

    private ElementType parseType(JsonParser json, String what) throws IOException {
        expect(json, json.currentToken(), JsonToken.VALUE_STRING, what + ": dtype");
        String found = json.getText();
        for (ElementType type : ElementType.values()) {
            if (type.name().equals(found)) {
                return type;
            }
        }
        throw file.invalid(what + ": dtype " + FileErrors.quote(found) + ", expected one of "
                + Arrays.toString(ElementType.values()));
    }

    private long[] parseNumbers(JsonParser json, String what) throws IOException {
        expect(json, json.currentToken(), JsonToken.START_ARRAY, what);
        List<Long> numbers = new ArrayList<>();
        while (json.nextToken() != JsonToken.END_ARRAY) {
            expect(json, json.currentToken(), JsonToken.VALUE_NUMBER_INT, what);
            if (json.getNumberType() == JsonParser.NumberType.BIG_INTEGER || json.getLongValue() < 0) {
                throw file.invalid(
                        what + " holds " + json.getText() + ", expected numbers from 0 to " + Long.MAX_VALUE);
            }
            numbers.add(json.getLongValue());
        }
        return numbers.stream().mapToLong(Long::longValue).toArray();
    }

    private Entry checked(String what, ElementType type, long[] dims, long[] offsets) {
        int[] extents = new int[dims.length];
        long bytes = type.bytes();
        for (int i = 0; i < dims.length; i++) {
            if (dims[i] > Integer.MAX_VALUE) {
                throw file.invalid(what + ": extent " + dims[i] + ", expected at most " + Integer.MAX_VALUE);
            }
            extents[i] = (int) dims[i];
            try {
                bytes = Math.multiplyExact(bytes, dims[i]);
            } catch (ArithmeticException e) {
                throw file.invalid(what + ": shape " + Arrays.toString(dims) + " is larger than any file");
            }
        }
        long available = file.size() - dataBegin;
        if (offsets.length != 2 || offsets[0] > offsets[1]) {
            throw file.invalid(
                    what + ": data_offsets " + Arrays.toString(offsets) + ", expected [begin, end] with begin <= end");
        }
        if (offsets[1] > available) {
            throw file.invalid(what + ": data_offsets " + Arrays.toString(offsets) + " reach beyond the file's "
                    + available + " bytes of data: truncated?");
        }
        if (offsets[1] - offsets[0] != bytes) {
            throw file.invalid(
                    what + ": data_offsets " + Arrays.toString(offsets) + " span " + (offsets[1] - offsets[0])
                            + " bytes, expected " + bytes + " for " + type + " of shape " + Arrays.toString(dims));
        }
        return new Entry(type, Shape.of(extents), dataBegin + offsets[0], dataBegin + offsets[1]);
    }

    private void checkCoverage() {
        List<Map.Entry<String, Entry>> ordered = new ArrayList<>(entries.entrySet());
        ordered.sort(Map.Entry.comparingByValue(
                Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end)));
        long covered = dataBegin;
        for (Map.Entry<String, Entry> next : ordered) {
            long begin = next.getValue().begin();
            if (begin != covered) {
                throw file.invalid(
                        "tensor " + FileErrors.quote(next.getKey()) + " begins at byte " + (begin - dataBegin)
                                + " of the data, expected " + (covered - dataBegin) + ": "
                                + (begin < covered ? "it overlaps the tensor before it" : "a gap lies before it"));
            }
            covered = next.getValue().end();
        }
        if (covered != file.size()) {
            throw file.invalid("the tensors end at byte " + (covered - dataBegin) + " of the data, expected "
                    + (file.size() - dataBegin) + ", the end of the file");
        }
    }

    private void expect(JsonParser json, JsonToken found, JsonToken expected, String what) throws IOException {
        if (found != expected) {
            throw file.invalid(what + ": found " + (found == null ? "nothing" : json.getText()) + ", expected "
                    + switch (expected) {
                        case START_OBJECT -> "an object";
                        case START_ARRAY -> "an array";
                        case VALUE_STRING -> "a string";
                        default -> "an integer";
                    });
        }
    }
}
