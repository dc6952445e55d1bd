package org.attune.tensor.io;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.attune.plugin.UserError;

/**
 * A file open for reading anywhere in it, for the readers of formats. What goes wrong is a {@link UserError} that names the file.
 * Every method but {@link #close()} may be called from several threads at a time.
 */
public final class FileBytes implements AutoCloseable {
    private final Path path;
    private final FileChannel channel;
    private final long size;

    private FileBytes(Path path, FileChannel channel) throws IOException {
        this.path = path;
        this.channel = channel;
        this.size = channel.size();
    }

    /** @param kind what is expected, for example {@code safetensors} */
    public static FileBytes open(Path path, String kind) {
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            throw FileErrors.invalid(path, "is not a file; expected a " + kind + " file");
        }
        try {
            FileChannel channel = FileChannel.open(path, StandardOpenOption.READ);
            try {
                return new FileBytes(path, channel);
            } catch (Throwable t) {
                channel.close();
                throw t;
            }
        } catch (IOException e) {
            throw FileErrors.cannot("read", path, e);
        }
    }

    /**
     * The content of a stream, such as a jar's entry, in a temporary file that goes when it is closed, or with the process.
     *
     * @param name what to call it in messages
     * @param size how many bytes there must be
     */
    public static FileBytes unpack(Path name, InputStream in, long size) {
        try {
            Path temporary = Files.createTempFile("attune", null);
            FileChannel channel = FileChannel.open(
                    temporary, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.DELETE_ON_CLOSE);
            try {
                long written = copy(in, channel, size);
                if (written < size || in.read() >= 0) {
                    throw FileErrors.invalid(
                            name,
                            (written < size ? "ends" : "goes on") + " after " + written + " bytes, expected " + size);
                }
                return new FileBytes(name, channel);
            } catch (Throwable t) {
                channel.close();
                throw t;
            }
        } catch (IOException e) {
            throw FileErrors.cannot("unpack", name, e);
        }
    }

    /** At most {@code size} bytes; in larger pieces than a jar's entry gives by itself. */
    private static long copy(InputStream in, FileChannel to, long size) throws IOException {
        byte[] piece = new byte[1 << 16];
        long done = 0;
        while (done < size) {
            int n = in.readNBytes(piece, 0, (int) Math.min(piece.length, size - done));
            if (n == 0) {
                break;
            }
            for (ByteBuffer bytes = ByteBuffer.wrap(piece, 0, n); bytes.hasRemaining(); ) {
                to.write(bytes);
            }
            done += n;
        }
        return done;
    }

    /** What the file is called in messages. */
    public Path path() {
        return path;
    }

    /** Bytes of the file when it was opened. */
    public long size() {
        return size;
    }

    /** Fills {@code into} with the bytes from {@code from} on. */
    public void read(long from, ByteBuffer into) {
        try {
            for (long at = from; into.hasRemaining(); ) {
                int n = channel.read(into, at);
                if (n < 0) {
                    throw new EOFException("the file became shorter while it was open");
                }
                at += n;
            }
        } catch (IOException e) {
            throw FileErrors.cannot("read", path, e);
        }
    }

    /** A little-endian, read-only view of mapped memory. It outlives {@link #close()}; the mapping goes when it is collected. */
    public ByteBuffer map(long from, int bytes) {
        try {
            return channel.map(FileChannel.MapMode.READ_ONLY, from, bytes).order(ByteOrder.LITTLE_ENDIAN);
        } catch (IOException e) {
            throw FileErrors.cannot("read", path, e);
        }
    }

    /** The error for content that is not as expected; made one printable line, for it may quote the file. */
    public UserError invalid(String message) {
        return FileErrors.invalid(path, message);
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw FileErrors.cannot("close", path, e);
        }
    }
}
