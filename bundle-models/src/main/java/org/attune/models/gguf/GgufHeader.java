package org.attune.models.gguf;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.io.FileBytes;

/**
 * The header of a GGUF file, which nobody vouches for: every number in it is checked against the file's size before anything is
 * allocated by it, so that what is handed out can be read without further checks.
 *
 * <p>The file, little-endian throughout: the letters GGUF, the version, the counts of tensors and of metadata; the metadata, each
 * a key, a type and a value; of each tensor its name, extents (fastest first), type and offset in the data; the data, which begins
 * at a multiple of {@code general.alignment}, as does each tensor in it.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">The format</a>
 */
final class GgufHeader {
    static final int MAGIC = 'G' | 'G' << 8 | 'U' << 16 | 'F' << 24;
    static final String ALIGNMENT = "general.alignment";
    static final int DEFAULT_ALIGNMENT = 32;
    private static final int MAX_RANK = 4;
    private static final int MAX_ALIGNMENT = 1 << 20;
    /** A name's length, the number of extents, a type and an offset. */
    private static final int LEAST_TENSOR = 8 + 4 + 4 + 8;
    /** A key's length, a type and a byte. */
    private static final int LEAST_METADATA = 8 + 4 + 1;

    /**
     * Where a tensor is.
     *
     * @param shape slowest axis first
     * @param begin its first byte in the file
     * @param end after its last
     */
    record Entry(GgufType type, Shape shape, long begin, long end) {}

    private record Stated(String name, int type, long[] dims, long offset) {}

    private final FileBytes file;
    private final ByteBuffer in;
    private final GgufMetadata metadata;
    private final Map<String, Entry> entries = new LinkedHashMap<>();

    private GgufHeader(FileBytes file) {
        this.file = file;
        // Pages that are not touched are not read: only the header's.
        this.in = file.map(0, (int) Math.min(file.size(), Integer.MAX_VALUE));
        this.metadata = new GgufMetadata(file.path().toString());
    }

    /** @throws UserError if the header breaks a rule of the format, contradicts the file's size, or names types that are not read */
    static GgufHeader read(FileBytes file) {
        GgufHeader header = new GgufHeader(file);
        header.parse();
        return header;
    }

    GgufMetadata metadata() {
        return metadata;
    }

    /** By name, in the file's order. */
    Map<String, Entry> entries() {
        return entries;
    }

    private void parse() {
        if (in.remaining() < 24 || in.getInt() != MAGIC) {
            throw file.invalid("not a GGUF file: it does not begin with a GGUF header");
        }
        int version = in.getInt();
        if (version != 2 && version != 3) {
            throw file.invalid("GGUF version " + version + ", expected 2 or 3"
                    + ((version & 0xffff) == 0 ? ": it is big-endian" : ""));
        }
        long tensors = count("tensors", LEAST_TENSOR);
        long keys = count("metadata", LEAST_METADATA);
        for (long i = 0; i < keys; i++) {
            String key = string("a metadata key");
            metadata.put(key, value(key));
        }
        List<Stated> stated = new ArrayList<>();
        for (long i = 0; i < tensors; i++) {
            stated.add(tensor());
        }
        int alignment = alignment();
        long begin = (in.position() + alignment - 1L) / alignment * alignment;
        for (Stated tensor : stated) {
            if (entries.put(tensor.name(), entry(tensor, begin, alignment)) != null) {
                throw file.invalid("two tensors are called " + quote(tensor.name()));
            }
        }
        checkOverlaps();
    }

    private int alignment() {
        int alignment = metadata.has(ALIGNMENT) ? metadata.whole(ALIGNMENT) : DEFAULT_ALIGNMENT;
        if (Integer.bitCount(alignment) != 1 || alignment > MAX_ALIGNMENT) {
            throw metadata.invalid(ALIGNMENT, "a power of two of at most " + MAX_ALIGNMENT);
        }
        return alignment;
    }

    private Stated tensor() {
        String name = string("a tensor's name");
        need(4, "a tensor's rank");
        int rank = in.getInt();
        if (rank < 0 || rank > MAX_RANK) {
            throw file.invalid("tensor " + quote(name) + " has " + Integer.toUnsignedString(rank)
                    + " axes, expected at most " + MAX_RANK);
        }
        need(8 * rank + 12, "a tensor's place");
        long[] dims = new long[rank];
        for (int i = 0; i < rank; i++) {
            dims[i] = in.getLong();
        }
        return new Stated(name, in.getInt(), dims, in.getLong());
    }

    private Entry entry(Stated tensor, long dataBegin, int alignment) {
        String what = "tensor " + quote(tensor.name());
        GgufType type = GgufType.of(tensor.type())
                .orElseThrow(() -> file.invalid(what + " is of ggml type " + Integer.toUnsignedString(tensor.type())
                        + ", which is not read; expected one of " + GgufType.names()));
        int rank = tensor.dims().length;
        int[] extents = new int[rank];
        long size = 1;
        for (int i = 0; i < rank; i++) {
            long dim = tensor.dims()[i];
            // Each extent and the product so far are below 2^31, so the product cannot overflow.
            size *= dim;
            if (dim < 1 || dim > Integer.MAX_VALUE || size > Integer.MAX_VALUE) {
                throw file.invalid(what + ": extents " + Arrays.toString(tensor.dims())
                        + ", expected them from 1 and at most " + Integer.MAX_VALUE + " elements");
            }
            extents[rank - 1 - i] = (int) dim;
        }
        int columns = rank == 0 ? 1 : extents[rank - 1];
        if (columns % type.blockSize() != 0) {
            throw file.invalid(what + ": rows of " + columns + " elements, expected a multiple of " + type.blockSize()
                    + " for " + type);
        }
        long bytes = size / type.blockSize() * type.blockBytes();
        long available = file.size() - dataBegin;
        if (tensor.offset() < 0 || tensor.offset() % alignment != 0 || tensor.offset() > available - bytes) {
            throw file.invalid(what + ": " + bytes + " bytes at " + Long.toUnsignedString(tensor.offset())
                    + " of the data, expected a multiple of " + alignment + " and an end within the file's " + available
                    + ": truncated?");
        }
        long begin = dataBegin + tensor.offset();
        return new Entry(type, Shape.of(extents), begin, begin + bytes);
    }

    private void checkOverlaps() {
        List<Map.Entry<String, Entry>> ordered = new ArrayList<>(entries.entrySet());
        ordered.sort(Map.Entry.comparingByValue(Comparator.comparingLong(Entry::begin)));
        for (int i = 1; i < ordered.size(); i++) {
            if (ordered.get(i).getValue().begin()
                    < ordered.get(i - 1).getValue().end()) {
                throw file.invalid("tensor " + quote(ordered.get(i).getKey()) + " overlaps "
                        + quote(ordered.get(i - 1).getKey()));
            }
        }
    }

    private Object value(String key) {
        String what = "the value of " + quote(key);
        GgufValue type = type(what);
        return switch (type) {
            case STRING -> string(what);
            case ARRAY -> array(what);
            default -> {
                need(type.bytes(), what);
                yield scalar(type, key);
            }
        };
    }

    private Object scalar(GgufValue type, String key) {
        return switch (type) {
            case UINT8 -> (long) Byte.toUnsignedInt(in.get());
            case INT8 -> (long) in.get();
            case UINT16 -> (long) Short.toUnsignedInt(in.getShort());
            case INT16 -> (long) in.getShort();
            case UINT32 -> Integer.toUnsignedLong(in.getInt());
            case INT32 -> (long) in.getInt();
            case UINT64, INT64 -> in.getLong();
            // By way of the shortest decimal: 1e-5 in a config.json is 1e-5 here too, not 9.99999974e-6.
            case FLOAT32 -> Double.valueOf(Float.toString(in.getFloat()));
            case FLOAT64 -> in.getDouble();
            case BOOL -> in.get() != 0;
            case STRING, ARRAY -> throw new AssertionError(key);
        };
    }

    private GgufMetadata.Array array(String what) {
        GgufValue type = type(what);
        if (type == GgufValue.ARRAY) {
            throw file.invalid(what + " is a list of lists, expected plain values");
        }
        long length = count(what, type.bytes());
        int begin = in.position();
        if (type == GgufValue.STRING) {
            for (long i = 0; i < length; i++) {
                skip(stringLength(what));
            }
        } else {
            skip((int) length * type.bytes());
        }
        return new GgufMetadata.Array(
                type, (int) length, in.slice(begin, in.position() - begin).order(ByteOrder.LITTLE_ENDIAN));
    }

    private GgufValue type(String what) {
        need(4, what);
        int type = in.getInt();
        return GgufValue.of(type)
                .orElseThrow(() ->
                        file.invalid(what + " is of type " + Integer.toUnsignedString(type) + ", expected 0 to 12"));
    }

    private String string(String what) {
        int length = stringLength(what);
        ByteBuffer bytes = in.slice(in.position(), length);
        skip(length);
        return StandardCharsets.UTF_8.decode(bytes).toString();
    }

    private int stringLength(String what) {
        return (int) count(what, 1);
    }

    /** A number of things that take at least so many bytes each, so there cannot be more than have room in the file. */
    private long count(String what, int bytesEach) {
        need(8, what);
        long count = in.getLong();
        if (count < 0 || count > in.remaining() / bytesEach) {
            throw file.invalid("the length of " + what + " is given as " + Long.toUnsignedString(count) + ", but only "
                    + in.remaining() + " bytes are left: truncated, or not a GGUF file");
        }
        return count;
    }

    private void need(int bytes, String what) {
        if (bytes > in.remaining()) {
            throw file.invalid(what + " is cut off at the file's end");
        }
    }

    private void skip(int bytes) {
        in.position(in.position() + bytes);
    }

    private static String quote(String name) {
        return "'" + (name.length() <= 200 ? name : name.substring(0, 200) + "...") + "'";
    }
}
