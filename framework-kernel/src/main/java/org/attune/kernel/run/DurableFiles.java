package org.attune.kernel.run;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import org.attune.plugin.UserError;

/**
 * Files that are whole or absent, whenever the process is killed or the power fails: written aside in the same folder, synced,
 * renamed over the old one, and the folder synced.
 */
public final class DurableFiles {
    /** Ends the name of a file that is still being written. */
    static final String ASIDE = ".tmp";

    private DurableFiles() {}

    /** Writes a file at the path that it is given. */
    @FunctionalInterface
    public interface Content {
        void writeTo(Path aside) throws IOException;
    }

    /**
     * Replaces {@code file}, or makes it; its folder is made where it is missing.
     *
     * @throws UserError if it cannot be written; what was there before is still there
     */
    public static void write(Path file, byte[] bytes) {
        write(file, aside -> {
            try (FileChannel channel = FileChannel.open(
                    aside, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
                writeFully(channel, ByteBuffer.wrap(bytes));
            }
        });
    }

    /** See {@link #write(Path, byte[])}; for content that is written by someone else. */
    public static void write(Path file, Content content) {
        Path aside = file.resolveSibling(file.getFileName() + ASIDE);
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            content.writeTo(aside);
            sync(aside);
            Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE);
            sync(file.toAbsolutePath().getParent());
        } catch (IOException e) {
            throw abandon(aside, UserError.cannot("write", file, e));
        } catch (RuntimeException e) {
            throw abandon(aside, e);
        }
    }

    /** Half a file only takes room, which may be just what is lacking. */
    private static RuntimeException abandon(Path aside, RuntimeException failure) {
        try {
            Files.deleteIfExists(aside);
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
        return failure;
    }

    /** Syncs a file, or a folder's list of files. */
    private static void sync(Path path) throws IOException {
        boolean folder = Files.isDirectory(path);
        if (folder && path.getFileSystem().getSeparator().equals("\\")) {
            return; // Windows cannot open a folder, and keeps its list of files in a journal.
        }
        try (FileChannel channel =
                FileChannel.open(path, folder ? StandardOpenOption.READ : StandardOpenOption.WRITE)) {
            channel.force(true);
        }
    }

    static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}
