package org.attune.models.gguf;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Consumer;

/** The bytes of a GGUF file, right or wrong. */
final class GgufBytes {
    int magic = GgufHeader.MAGIC;
    int version = 3;
    long tensors;
    long keys;
    int alignment = GgufHeader.DEFAULT_ALIGNMENT;
    private final ByteArrayOutputStream metadata = new ByteArrayOutputStream();
    private final ByteArrayOutputStream places = new ByteArrayOutputStream();
    private final ByteArrayOutputStream data = new ByteArrayOutputStream();

    /** A key whose value is of one of the numbered types. */
    GgufBytes key(String key, int type, Consumer<ByteBuffer> value) {
        keys++;
        metadata.writeBytes(string(key));
        metadata.writeBytes(bytes(4, b -> b.putInt(type)));
        ByteBuffer in = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
        value.accept(in);
        metadata.write(in.array(), 0, in.position());
        return this;
    }

    GgufBytes key(String key, String value) {
        return key(key, GgufValue.STRING.id(), b -> b.put(string(value)));
    }

    GgufBytes key(String key, int value) {
        return key(key, GgufValue.UINT32.id(), b -> b.putInt(value));
    }

    GgufBytes key(String key, float value) {
        return key(key, GgufValue.FLOAT32.id(), b -> b.putFloat(value));
    }

    GgufBytes key(String key, List<String> values) {
        return key(key, GgufValue.ARRAY.id(), b -> {
            b.putInt(GgufValue.STRING.id()).putLong(values.size());
            values.forEach(value -> b.put(string(value)));
        });
    }

    GgufBytes key(String key, int[] values) {
        return key(key, GgufValue.ARRAY.id(), b -> {
            b.putInt(GgufValue.INT32.id()).putLong(values.length);
            for (int value : values) {
                b.putInt(value);
            }
        });
    }

    /** A tensor at the next place, with extents as the file holds them: the fastest first. */
    GgufBytes tensor(String name, GgufType type, byte[] content, long... dims) {
        data.writeBytes(new byte[Math.floorMod(-data.size(), alignment)]);
        place(name, type.id(), data.size(), dims);
        data.writeBytes(content);
        return this;
    }

    /** What a file says of a tensor, true or not. */
    GgufBytes place(String name, int type, long offset, long... dims) {
        tensors++;
        places.writeBytes(string(name));
        places.writeBytes(bytes(4 + 8 * dims.length + 12, b -> {
            b.putInt(dims.length);
            for (long dim : dims) {
                b.putLong(dim);
            }
            b.putInt(type).putLong(offset);
        }));
        return this;
    }

    byte[] bytes() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(
                bytes(24, b -> b.putInt(magic).putInt(version).putLong(tensors).putLong(keys)));
        out.writeBytes(metadata.toByteArray());
        out.writeBytes(places.toByteArray());
        out.writeBytes(new byte[Math.floorMod(-out.size(), alignment)]);
        out.writeBytes(data.toByteArray());
        return out.toByteArray();
    }

    static byte[] floats(float... values) {
        return bytes(Float.BYTES * values.length, b -> b.asFloatBuffer().put(values));
    }

    static byte[] string(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        return bytes(8 + utf8.length, b -> b.putLong(utf8.length).put(utf8));
    }

    private static byte[] bytes(int length, Consumer<ByteBuffer> content) {
        ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        content.accept(buffer);
        return buffer.array();
    }
}
