package org.attune.kernel.step;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ShortBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.attune.tensor.DType;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;

/**
 * Rows of numbers in files, which are mapped into memory once they are written. Elements have the tensor's own type, but for
 * float16, which takes the room of float32. A disk that is full ends the growth and nothing else: this is a cache.
 */
final class DiskRows implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(DiskRows.class.getName());
    /** A mapping has at most 2^31 bytes. */
    private static final long LARGEST_FILE = 1 << 28;

    private final TensorEngine engine;
    private final long most;
    private final Path folder;
    private final List<Path> files = new ArrayList<>();
    private Mapping open;
    private FileChannel channel;
    private long length;
    private boolean full;
    private final AtomicLong bytes = new AtomicLong();

    /**
     * @param most bytes to be held
     * @param folder made when needed, deleted at the end with whatever an earlier process has left there
     */
    DiskRows(TensorEngine engine, long most, Path folder) {
        this.engine = engine;
        this.most = most;
        this.folder = folder;
    }

    /** The content of a file, once it is complete. */
    static final class Mapping {
        private ByteBuffer content;
    }

    /** Some numbers in a file. */
    record Place(TensorEngine engine, Mapping file, long offset, int size, DType dtype) implements PrefixCache.Rows {
        void copy(Storage out, long at) {
            ByteBuffer bytes = file.content
                    .slice(Math.toIntExact(offset), size * stored(dtype))
                    .order(ByteOrder.nativeOrder());
            Storage part = out.slice(at, size);
            if (dtype == DType.FLOAT64) {
                double[] elements = new double[size];
                bytes.asDoubleBuffer().get(elements);
                engine.write(elements, 0, size, part);
                return;
            }
            float[] elements = new float[size];
            if (dtype == DType.BFLOAT16) {
                ShortBuffer halves = bytes.asShortBuffer();
                for (int i = 0; i < size; i++) {
                    elements[i] = Float.intBitsToFloat(halves.get(i) << 16);
                }
            } else {
                bytes.asFloatBuffer().get(elements);
            }
            engine.write(elements, 0, size, part);
        }
    }

    private static int stored(DType dtype) {
        return dtype == DType.FLOAT16 ? Float.BYTES : dtype.bytes();
    }

    long bytes() {
        return bytes.get();
    }

    /**
     * Writes rows {@code from} up to {@code from + count} of {@code x} [rows, width]. They can be read after {@link #seal}.
     *
     * @return null where there is no room
     */
    PrefixCache.Rows add(Tensor x, int from, int count) {
        int width = x.shape().dim(1);
        int size = count * width;
        long needed = (long) size * stored(x.dtype());
        if (full || bytes.get() + needed > most) {
            return null;
        }
        try {
            if (open == null || length + needed > LARGEST_FILE) {
                seal();
                begin();
            }
            ByteBuffer encoded = encode(x, (long) from * width, size);
            while (encoded.hasRemaining()) {
                channel.write(encoded);
            }
        } catch (IOException | UncheckedIOException e) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "{0}: no more outputs of frozen layers are kept on disk: {1}",
                    folder,
                    e.getMessage());
            full = true;
            return null;
        }
        Place place = new Place(engine, open, length, size, x.dtype());
        length += needed;
        bytes.addAndGet(needed);
        return place;
    }

    private void begin() throws IOException {
        if (files.isEmpty()) {
            delete(); // what a process that was killed has left
        }
        Files.createDirectories(folder);
        Path file = folder.resolve(files.size() + ".rows");
        channel = FileChannel.open(
                file, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);
        files.add(file);
        open = new Mapping();
        length = 0;
    }

    private ByteBuffer encode(Tensor x, long from, int size) {
        ByteBuffer out = ByteBuffer.allocate(size * stored(x.dtype())).order(ByteOrder.nativeOrder());
        Storage part = x.storage().slice(from, size);
        if (x.dtype() == DType.FLOAT64) {
            double[] elements = new double[size];
            engine.read(part, elements, 0, size);
            out.asDoubleBuffer().put(elements);
            return out;
        }
        float[] elements = new float[size];
        engine.read(part, elements, 0, size);
        if (x.dtype() == DType.BFLOAT16) {
            for (int i = 0; i < size; i++) {
                out.putShort(2 * i, (short) (Float.floatToRawIntBits(elements[i]) >>> 16));
            }
        } else {
            out.asFloatBuffer().put(elements);
        }
        return out;
    }

    /** Makes what was written readable. */
    void seal() {
        if (open == null) {
            return;
        }
        try (FileChannel done = channel) {
            open.content = done.map(FileChannel.MapMode.READ_ONLY, 0, length);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        open = null;
    }

    /** Deletes the files; more rows may be added. */
    @Override
    public void close() {
        try {
            if (open != null) {
                open = null;
                channel.close();
            }
            if (!files.isEmpty()) {
                delete();
            }
        } catch (IOException e) { // for example as some systems delete no file that is mapped
            LOG.log(System.Logger.Level.WARNING, "{0}: cannot be deleted: {1}", folder, e.getMessage());
        }
        files.clear();
        bytes.set(0);
    }

    private void delete() throws IOException {
        if (!Files.isDirectory(folder)) {
            return;
        }
        try (Stream<Path> left = Files.list(folder)) {
            for (Path file : left.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }
}
