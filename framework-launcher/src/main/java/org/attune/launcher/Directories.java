package org.attune.launcher;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Where one process reads and writes.
 *
 * @param bundles the fixed bundles of the distribution
 * @param plugins the watched directory for plug-ins that come and go
 * @param natives where bundles unpack native libraries, shared by all processes and kept
 * @param cache the framework's storage, this process's own, deleted by {@link #deleteCache}
 * @param configuration the distribution's {@code etc}
 */
record Directories(Path bundles, Path plugins, Path natives, Path cache, Path configuration) {
    /** Felix holds a lock on this file of its storage for as long as the process lives, however it ends. */
    private static final String LOCK = "cache.lock";

    static Directories prepare(Path home) throws IOException {
        Path data = writableData(home.toAbsolutePath());
        Path caches = Files.createDirectories(data.resolve("cache"), ownerOnly(data));
        deleteAbandoned(caches);
        // Not the process id alone: containers that share a home all run as process 1.
        Path cache = Files.createTempDirectory(caches, ProcessHandle.current().pid() + "-");
        return new Directories(
                home.toAbsolutePath().resolve("bundle"),
                pluginsDirectory(home.toAbsolutePath(), cache),
                configured("attune.natives.dir", data.resolve("natives")),
                cache,
                home.toAbsolutePath().resolve("etc"));
    }

    /** The distribution's own {@code data}, or a private directory of the user's where the distribution is read-only. */
    private static Path writableData(Path home) throws IOException {
        Path data = home.resolve("data");
        if (Files.isWritable(Files.exists(data) ? data : home)) {
            return Files.createDirectories(data);
        }
        Path fallback = Path.of(System.getProperty("java.io.tmpdir"), "attune-" + System.getProperty("user.name"));
        if (!Files.exists(fallback)) {
            Files.createDirectory(fallback, ownerOnly(fallback.getParent()));
        }
        requireOwn(fallback);
        return fallback;
    }

    /** Code is loaded from here, and in a shared temporary directory anyone may have made it first. */
    private static void requireOwn(Path directory) throws IOException {
        Path mine = Files.createTempFile(directory, "owner", null);
        try {
            if (!Files.getOwner(directory).equals(Files.getOwner(mine))) {
                throw new IOException(directory + " belongs to " + Files.getOwner(directory) + ", not to "
                        + Files.getOwner(mine) + "; set -Djava.io.tmpdir in ATTUNE_OPTS to a directory of yours");
            }
        } finally {
            Files.delete(mine);
        }
    }

    private static Path pluginsDirectory(Path home, Path cache) throws IOException {
        Path plugins = configured("attune.plugins.dir", home.resolve("plugins"));
        if (Files.isDirectory(plugins)) {
            warnIfOthersMayWrite(plugins);
            return plugins;
        }
        if (!Files.isWritable(plugins.toAbsolutePath().getParent())) {
            return Files.createDirectory(cache.resolve("plugins"));
        }
        return Files.createDirectory(plugins, ownerOnly(plugins.toAbsolutePath().getParent()));
    }

    private static void warnIfOthersMayWrite(Path plugins) throws IOException {
        if (isPosix(plugins)) {
            Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(plugins);
            if (permissions.contains(PosixFilePermission.OTHERS_WRITE)) {
                System.err.println("attune: other users may write to " + plugins
                        + " and so run code as you; mend it by: chmod go-w " + plugins);
            }
        }
    }

    private static Path configured(String property, Path otherwise) {
        String value = System.getProperty(property);
        return value == null ? otherwise : Path.of(value).toAbsolutePath();
    }

    private static FileAttribute<?>[] ownerOnly(Path where) {
        return isPosix(where)
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"))
                }
                : new FileAttribute<?>[0];
    }

    private static boolean isPosix(Path path) {
        return path.getFileSystem().supportedFileAttributeViews().contains("posix");
    }

    /** What a killed process left behind: its lock is gone. One that has no lock yet is about to start. */
    private static void deleteAbandoned(Path caches) throws IOException {
        List<Path> left;
        try (Stream<Path> entries = Files.list(caches)) {
            left = entries.filter(cache -> Files.exists(cache.resolve(LOCK))).toList();
        }
        for (Path cache : left) {
            if (isUnlocked(cache.resolve(LOCK))) {
                delete(cache);
            }
        }
    }

    private static boolean isUnlocked(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE);
                FileLock lock = channel.tryLock()) {
            return lock != null;
        } catch (NoSuchFileException e) {
            return false; // its process ended and removed it this moment
        }
    }

    private static void delete(Path tree) throws IOException {
        Files.walkFileTree(tree, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.deleteIfExists(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
                if (e instanceof NoSuchFileException) {
                    return FileVisitResult.CONTINUE; // another process cleans up at the same time
                }
                throw e;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, IOException e) throws IOException {
                Files.deleteIfExists(directory);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    /** To be called after the framework has stopped. */
    void deleteCache() throws IOException {
        delete(cache);
    }
}
