package org.attune.tensor.io;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.io.TensorHeader.Entry;

/**
 * A safetensors file, open for reading. The header is read and checked in full when the file is opened; the numbers
 * only when asked for. Reading takes no more memory than the array that is returned.
 *
 * <pre>{@code
 * try (TensorFile file = TensorFile.open(Path.of("model.safetensors"))) {
 *     float[] weight = file.floats("embeddings.word_embeddings.weight"); // row-major, of file.shape(...)
 * }
 * }</pre>
 *
 * Every method but {@link #close()} may be called from several threads at a time. Whatever is wrong with the file, or
 * a name that it lacks, is a {@link UserError} that names the file and the tensor. The file's content must not change
 * while it is open.
 */
public final class TensorFile implements AutoCloseable {
    private static final int CHUNK_BYTES = 1 << 18;
    /** Some virtual machines allow no longer array. */
    private static final int MAX_ARRAY = Integer.MAX_VALUE - 8;

    private final FileBytes file;
    private final TensorHeader header;

    private TensorFile(FileBytes file) {
        this.file = file;
        this.header = TensorHeader.read(file);
    }

    /** @throws UserError if the file is missing, unreadable, truncated or breaks a rule of the format */
    public static TensorFile open(Path path) {
        FileBytes file = FileBytes.open(path, "safetensors");
        try {
            return new TensorFile(file);
        } catch (Throwable t) {
            file.close();
            throw t;
        }
    }

    /** The tensors' names, in the header's order; unmodifiable. */
    public Set<String> names() {
        return Collections.unmodifiableSet(header.entries().keySet());
    }

    /** The header's free-form strings; unmodifiable, empty where the file has none. */
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(header.metadata());
    }

    public Shape shape(String name) {
        return entry(name).shape();
    }

    public ElementType type(String name) {
        return entry(name).type();
    }

    /**
     * The elements of a tensor of any type, row-major. F16, BF16, I8, U8, I16 and BOOL (0 and 1) convert exactly; F64, I32
     * and I64 to the nearest float.
     */
    public float[] floats(String name) {
        Entry entry = entry(name);
        float[] out = new float[length(name, entry)];
        read(entry, (in, at, n) -> Elements.toFloats(entry.type(), in, out, at, n));
        return out;
    }

    /** As {@link #floats(String)}, block by block: for tensors that go elsewhere at once. */
    public void floats(String name, FloatBlocks blocks) {
        Entry entry = entry(name);
        float[] block = new float
                [(int) Math.min(entry.shape().size(), CHUNK_BYTES / entry.type().bytes())];
        read(entry, (in, at, n) -> {
            Elements.toFloats(entry.type(), in, block, 0, n);
            blocks.accept(block, n);
        });
    }

    /** The elements of a tensor of any type, row-major. All types convert exactly but I64, which goes to the nearest double. */
    public double[] doubles(String name) {
        Entry entry = entry(name);
        double[] out = new double[length(name, entry)];
        read(entry, (in, at, n) -> Elements.toDoubles(entry.type(), in, out, at, n));
        return out;
    }

    /** The elements of a tensor of integers or truth values, row-major. @throws UserError if they are floating-point */
    public long[] longs(String name) {
        Entry entry = integers(name);
        long[] out = new long[length(name, entry)];
        read(entry, (in, at, n) -> Elements.toLongs(entry.type(), in, out, at, n));
        return out;
    }

    /**
     * The elements of a tensor of integers or truth values, row-major.
     *
     * @throws UserError if they are floating-point, or one of them does not fit 32 bits
     */
    public int[] ints(String name) {
        Entry entry = integers(name);
        int[] out = new int[length(name, entry)];
        long[] chunk = new long[Math.min(out.length, CHUNK_BYTES / entry.type().bytes())];
        read(entry, (in, at, n) -> {
            Elements.toLongs(entry.type(), in, chunk, 0, n);
            for (int i = 0; i < n; i++) {
                out[at + i] = (int) chunk[i];
                if (out[at + i] != chunk[i]) {
                    throw file.invalid("tensor " + FileErrors.quote(name) + ": element " + (at + i) + " is " + chunk[i]
                            + ", expected a 32-bit integer");
                }
            }
        });
        return out;
    }

    /**
     * A read-only view of an F32 tensor in the mapped file, row-major, without a copy. It outlives {@link #close()}; the
     * mapping goes when the view is collected.
     *
     * @throws UserError if the tensor is not F32 or takes 2 GiB or more: use {@link #floats}
     */
    public FloatBuffer floatView(String name) {
        Entry entry = entry(name);
        long bytes = entry.end() - entry.begin();
        if (entry.type() != ElementType.F32 || bytes > Integer.MAX_VALUE) {
            throw file.invalid("tensor " + FileErrors.quote(name) + " is " + entry.type() + " of " + bytes
                    + " bytes, expected F32 of at most " + Integer.MAX_VALUE);
        }
        return file.map(entry.begin(), (int) bytes).asFloatBuffer();
    }

    @Override
    public void close() {
        file.close();
    }

    private Entry entry(String name) {
        Entry entry = header.entries().get(name);
        if (entry == null) {
            throw file.invalid("no tensor " + FileErrors.quote(name) + "; it holds " + names().size() + ": "
                    + names().stream().limit(8).map(FileErrors::quote).collect(Collectors.joining(", "))
                    + (names().size() > 8 ? ", ..." : ""));
        }
        return entry;
    }

    private Entry integers(String name) {
        Entry entry = entry(name);
        if (entry.type().isFloating()) {
            throw file.invalid(
                    "tensor " + FileErrors.quote(name) + " is " + entry.type() + ", expected an integer type");
        }
        return entry;
    }

    private int length(String name, Entry entry) {
        long size = entry.shape().size();
        if (size > MAX_ARRAY) {
            throw file.invalid(
                    "tensor " + FileErrors.quote(name) + " has " + size + " elements, expected at most " + MAX_ARRAY);
        }
        return (int) size;
    }

    /** Takes {@code n} elements at the start of {@code in}, which are those from {@code at} on of the tensor. */
    private interface Sink {
        void accept(ByteBuffer in, int at, int n);
    }

    /**
     * In chunks that fit the cache. Not through a mapping: a file that is cut short meanwhile is then an ordinary
     * error, and no mapping waits for the collector.
     */
    private void read(Entry entry, Sink sink) {
        int width = entry.type().bytes();
        long bytes = entry.end() - entry.begin();
        ByteBuffer chunk =
                ByteBuffer.allocate((int) Math.min(CHUNK_BYTES, bytes)).order(ByteOrder.LITTLE_ENDIAN);
        for (long done = 0; done < bytes; done += chunk.limit()) {
            chunk.clear().limit((int) Math.min(chunk.capacity(), bytes - done));
            file.read(entry.begin() + done, chunk);
            sink.accept(chunk.flip(), (int) (done / width), chunk.limit() / width);
        }
    }
}
