package org.attune.models.gguf;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Set;
import java.util.function.Consumer;
import org.attune.models.gguf.GgufHeader.Entry;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.io.FileBytes;
import org.attune.tensor.io.FloatBlocks;

/**
 * A GGUF file of version 2 or 3, open for reading. The header is read and checked in full when the file is opened; tensors are
 * read and decoded block by block when they are asked for. The file's content must not change while it is open.
 */
final class GgufFile implements AutoCloseable {
    /** Elements read at a time: a multiple of every type's block. */
    static final int BLOCK = 1 << 16;

    private final FileBytes file;
    private final GgufHeader header;

    private GgufFile(FileBytes file) {
        this.file = file;
        this.header = GgufHeader.read(file);
    }

    /** @throws UserError if the file is missing, unreadable, truncated, breaks a rule of the format or has tensors of other types */
    static GgufFile open(Path path) {
        FileBytes file = FileBytes.open(path, "GGUF");
        try {
            return new GgufFile(file);
        } catch (Throwable t) {
            file.close();
            throw t;
        }
    }

    /** What to call the file in messages. */
    String source() {
        return file.path().toString();
    }

    UserError invalid(String message) {
        return file.invalid(message);
    }

    GgufMetadata metadata() {
        return header.metadata();
    }

    /** The tensors' names, in the file's order; unmodifiable. */
    Set<String> names() {
        return Collections.unmodifiableSet(header.entries().keySet());
    }

    /** @throws UserError if there is no such tensor */
    Shape shape(String name) {
        return entry(name).shape();
    }

    /** @throws UserError if there is no such tensor */
    GgufType type(String name) {
        return entry(name).type();
    }

    private Entry entry(String name) {
        Entry entry = header.entries().get(name);
        if (entry == null) {
            throw file.invalid("no tensor '" + name + "'");
        }
        return entry;
    }

    /** A tensor's elements, row-major. */
    void read(String name, FloatBlocks blocks) {
        read(name, BLOCK, blocks);
    }

    /** A tensor's elements, row-major, so many at a time: a multiple of the type's block. */
    void read(String name, int elementsAtOnce, FloatBlocks blocks) {
        GgufType type = type(name);
        float[] block = new float[(int) Math.min(shape(name).size(), elementsAtOnce)];
        readBytes(name, elementsAtOnce, bytes -> {
            int n = bytes.remaining() / type.blockBytes() * type.blockSize();
            type.decode(bytes, block, 0, n);
            blocks.accept(block, n);
        });
    }

    /** The bytes of a tensor's elements, little-endian, of so many elements at a time: a multiple of the type's block. */
    void readBytes(String name, int elementsAtOnce, Consumer<ByteBuffer> blocks) {
        Entry entry = entry(name);
        GgufType type = entry.type();
        long size = entry.end() - entry.begin();
        int most = (int) Math.min(size, (long) elementsAtOnce / type.blockSize() * type.blockBytes());
        ByteBuffer bytes = ByteBuffer.allocate(most).order(ByteOrder.LITTLE_ENDIAN);
        for (long done = 0; done < size; done += most) {
            bytes.clear().limit((int) Math.min(most, size - done));
            file.read(entry.begin() + done, bytes);
            blocks.accept(bytes.flip());
        }
    }

    @Override
    public void close() {
        file.close();
    }
}
