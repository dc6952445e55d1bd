package org.attune.models.gguf;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;

/**
 * Lays out a GGUF file of version 3, little-endian: metadata, the list of tensors with their offsets, and their data, each tensor
 * aligned to 32 bytes. Keys stand in the order in which they were put.
 */
final class GgufWriter {
    private static final int VERSION = 3;

    /** Numbers of the types of metadata. */
    private static final int UINT32 = 4;

    private static final int INT32 = 5;
    private static final int FLOAT32 = 6;
    private static final int BOOL = 7;
    private static final int STRING = 8;
    private static final int ARRAY = 9;

    private static final int CHUNK_ELEMENTS = 1 << 16;

    private final Bytes metadata = new Bytes();
    private final List<Entry> tensors = new ArrayList<>();
    private int keys;

    private record Entry(String name, Shape shape, GgufEncoding encoding, Supplier<float[]> elements) {
        long bytes() {
            return encoding.bytes(shape.size());
        }
    }

    GgufWriter text(String key, String value) {
        key(key, STRING).text(value);
        return this;
    }

    /** An unsigned 32-bit number. */
    GgufWriter whole(String key, long value) {
        key(key, UINT32).whole((int) value);
        return this;
    }

    GgufWriter number(String key, double value) {
        key(key, FLOAT32).whole(Float.floatToIntBits((float) value));
        return this;
    }

    GgufWriter flag(String key, boolean value) {
        key(key, BOOL).write(value ? 1 : 0);
        return this;
    }

    GgufWriter texts(String key, List<String> values) {
        Bytes out = array(key, STRING, values.size());
        values.forEach(out::text);
        return this;
    }

    GgufWriter wholes(String key, int[] values) {
        Bytes out = array(key, INT32, values.length);
        for (int value : values) {
            out.whole(value);
        }
        return this;
    }

    GgufWriter numbers(String key, float[] values) {
        Bytes out = array(key, FLOAT32, values.length);
        for (float value : values) {
            out.whole(Float.floatToIntBits(value));
        }
        return this;
    }

    private Bytes key(String key, int type) {
        keys++;
        metadata.text(key).whole(type);
        return metadata;
    }

    private Bytes array(String key, int type, int size) {
        return key(key, ARRAY).whole(type).length(size);
    }

    /**
     * @param shape row-major; the file lists its dimensions the other way round
     * @param elements asked for when the tensor is written
     */
    GgufWriter tensor(String name, Shape shape, GgufEncoding encoding, Supplier<float[]> elements) {
        tensors.add(new Entry(name, shape, encoding, elements));
        return this;
    }

    /**
     * Writes the file and syncs it.
     *
     * @throws UserError if it cannot be written; a part of it may be left
     */
    void write(Path file) {
        try (FileChannel channel = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            write(channel, ByteBuffer.wrap(header()));
            for (Entry tensor : tensors) {
                data(channel, tensor);
                pad(channel);
            }
            channel.force(true);
        } catch (IOException e) {
            throw UserError.cannot("write", file, e);
        }
    }

    private byte[] header() throws IOException {
        Bytes out = new Bytes();
        out.whole(GgufHeader.MAGIC).whole(VERSION).length(tensors.size()).length(keys);
        metadata.writeTo(out);
        long offset = 0;
        for (Entry tensor : tensors) {
            out.text(tensor.name()).whole(tensor.shape().rank());
            for (int d = tensor.shape().rank() - 1; d >= 0; d--) {
                out.length(tensor.shape().dim(d));
            }
            out.whole(tensor.encoding().id()).length(offset);
            offset = aligned(offset + tensor.bytes());
        }
        while (out.size() % GgufHeader.DEFAULT_ALIGNMENT != 0) {
            out.write(0);
        }
        return out.toByteArray();
    }

    private static long aligned(long offset) {
        return (offset + GgufHeader.DEFAULT_ALIGNMENT - 1)
                / GgufHeader.DEFAULT_ALIGNMENT
                * GgufHeader.DEFAULT_ALIGNMENT;
    }

    private static void data(FileChannel channel, Entry tensor) throws IOException {
        float[] elements = tensor.elements().get();
        int block = tensor.encoding().blockSize();
        ByteBuffer chunk = ByteBuffer.allocate((int) tensor.encoding().bytes(CHUNK_ELEMENTS))
                .order(ByteOrder.LITTLE_ENDIAN);
        for (int from = 0; from < elements.length; ) {
            chunk.clear();
            while (chunk.hasRemaining() && from < elements.length) {
                tensor.encoding().encode(elements, from, chunk);
                from += block;
            }
            write(channel, chunk.flip());
        }
    }

    private static void pad(FileChannel channel) throws IOException {
        write(channel, ByteBuffer.allocate((int) (aligned(channel.position()) - channel.position())));
    }

    private static void write(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /** Little-endian numbers and texts with their lengths. */
    private static final class Bytes extends ByteArrayOutputStream {
        Bytes whole(int value) {
            writeBytes(ByteBuffer.allocate(Integer.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(value)
                    .array());
            return this;
        }

        Bytes length(long value) {
            writeBytes(ByteBuffer.allocate(Long.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(value)
                    .array());
            return this;
        }

        Bytes text(String text) {
            byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
            length(utf8.length).writeBytes(utf8);
            return this;
        }
    }
}
