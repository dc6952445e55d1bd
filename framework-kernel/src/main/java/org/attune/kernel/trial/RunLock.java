package org.attune.kernel.trial;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.attune.plugin.UserError;

/** Keeps a run folder to one sitting at a time. The operating system gives the lock back when the process dies. */
final class RunLock implements AutoCloseable {
    /** Folders in use by this process. A second channel to the file must not even be opened: closing it would end the lock. */
    private static final Set<Path> TAKEN = ConcurrentHashMap.newKeySet();

    private final Path folder;
    private final FileChannel channel;

    private RunLock(Path folder, FileChannel channel) {
        this.folder = folder;
        this.channel = channel;
    }

    /** @throws UserError if the folder is in use, or cannot be written */
    static RunLock take(Path folder) {
        Path file = folder.resolve(".lock");
        try {
            Path real = folder.toRealPath();
            if (!TAKEN.add(real)) {
                throw inProgress(folder);
            }
            try {
                FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                if (channel.tryLock() != null) {
                    return new RunLock(real, channel);
                }
                channel.close();
            } catch (IOException e) {
                TAKEN.remove(real);
                throw e;
            }
            TAKEN.remove(real);
            throw inProgress(folder);
        } catch (IOException e) {
            throw UserError.cannot("lock", file, e);
        }
    }

    private static UserError inProgress(Path folder) {
        return new UserError(folder + ": this run is in progress; stop it, or wait until it has ended");
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw UserError.cannot("unlock", folder, e);
        } finally {
            TAKEN.remove(folder);
        }
    }
}
