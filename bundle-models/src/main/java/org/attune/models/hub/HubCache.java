package org.attune.models.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.attune.plugin.UserError;

/**
 * One model's folder in the hub's cache, laid out as Hugging Face's Python library does it:
 *
 * <pre>
 * models--org--name/refs/main               the commit that a branch or tag means
 * models--org--name/snapshots/COMMIT/FILE   a link to
 * models--org--name/blobs/CHECKSUM          the content
 * .locks/models--org--name/
 * </pre>
 */
final class HubCache {
    static final String CONFIG = "config.json";
    static final String TOKENIZER = "tokenizer.json";
    static final String WEIGHTS = "model.safetensors";
    static final String INDEX = WEIGHTS + ".index.json";

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");
    private static final Pattern SHARD = Pattern.compile("[\\w.-]+\\.safetensors");

    private final Path root;
    private final String name;
    private final Path folder;

    HubCache(Path root, HubSource source) {
        this.root = root;
        this.name = "models--" + source.id().replace("/", "--");
        this.folder = root.resolve(name);
    }

    static boolean isCommit(String revision) {
        return COMMIT.matcher(revision).matches();
    }

    /** The commit that a revision meant when it was last asked for; empty where that was never. */
    Optional<String> commit(String revision) {
        if (isCommit(revision)) {
            return Optional.of(revision);
        }
        Path ref = folder.resolve("refs").resolve(revision);
        if (!Files.isRegularFile(ref)) {
            return Optional.empty();
        }
        try {
            return Optional.of(Files.readString(ref).strip()).filter(HubCache::isCommit);
        } catch (IOException e) {
            throw UserError.cannot("read", ref, e);
        }
    }

    Path snapshot(String commit) {
        return folder.resolve("snapshots").resolve(commit);
    }

    /** Whether all is there that a model is made from. */
    boolean complete(String commit) {
        Path snapshot = snapshot(commit);
        if (!Files.isRegularFile(snapshot.resolve(CONFIG)) || !Files.isRegularFile(snapshot.resolve(TOKENIZER))) {
            return false;
        }
        return Files.isRegularFile(snapshot.resolve(WEIGHTS))
                || Files.isRegularFile(snapshot.resolve(INDEX))
                        && shards(commit).stream().allMatch(shard -> Files.isRegularFile(snapshot.resolve(shard)));
    }

    /**
     * The files that a snapshot's index names.
     *
     * @throws UserError if it is broken
     */
    Set<String> shards(String commit) {
        Path index = snapshot(commit).resolve(INDEX);
        Set<String> shards = new LinkedHashSet<>();
        try {
            for (JsonNode shard : JSON.readTree(Files.readAllBytes(index)).path("weight_map")) {
                if (!SHARD.matcher(shard.asText()).matches()) {
                    throw new UserError(index + ": names " + shard + ", expected a safetensors file beside it");
                }
                shards.add(shard.asText());
            }
        } catch (IOException e) {
            throw UserError.cannot("read", index, e);
        }
        if (shards.isEmpty()) {
            throw new UserError(index + ": no weight_map in it, so it names no file of weights");
        }
        return shards;
    }

    Path blob(Checksum checksum) {
        return folder.resolve("blobs").resolve(checksum.hex());
    }

    /** Where a blob grows. The name is our own: another program that loads the same file must not write into it. */
    Path partial(Checksum checksum) {
        return folder.resolve("blobs").resolve(checksum.hex() + ".attune.incomplete");
    }

    /** Lets a whole blob appear in a snapshot: as a link, or as a copy on file systems that have none. */
    void place(String commit, String file, Checksum checksum) throws IOException {
        Path at = snapshot(commit).resolve(file);
        Files.createDirectories(at.getParent());
        Path blob = blob(checksum);
        try {
            Files.createSymbolicLink(at, at.getParent().relativize(blob));
        } catch (FileAlreadyExistsException e) {
            if (!Files.exists(at)) { // a link whose blob was removed once: it leads to the new one, or is wrong
                Files.delete(at);
                place(commit, file, checksum);
            }
        } catch (UnsupportedOperationException | FileSystemException e) {
            Path aside = at.resolveSibling("." + file + ".new");
            Files.copy(blob, aside, StandardCopyOption.REPLACE_EXISTING);
            Files.move(aside, at, StandardCopyOption.ATOMIC_MOVE);
        }
    }

    /** Notes which commit a revision means. */
    void refer(String revision, String commit) throws IOException {
        if (isCommit(revision)) {
            return;
        }
        Path ref = folder.resolve("refs").resolve(revision);
        Files.createDirectories(ref.getParent());
        Path aside = Files.createTempFile(ref.getParent(), ".ref", ".new");
        Files.writeString(aside, commit);
        Files.move(aside, ref, StandardCopyOption.ATOMIC_MOVE);
    }

    /** The lock of a model, or nothing where another thread or process has it. */
    Optional<Lock> tryLock() throws IOException {
        Path file = root.resolve(".locks").resolve(name).resolve("attune.lock");
        Files.createDirectories(file.getParent());
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            FileLock lock = channel.tryLock();
            if (lock != null) {
                return Optional.of(new Lock(channel));
            }
        } catch (OverlappingFileLockException e) { // of this process
            channel.close();
            return Optional.empty();
        }
        channel.close();
        return Optional.empty();
    }

    /** Held until it is closed. */
    record Lock(FileChannel channel) implements AutoCloseable {
        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
