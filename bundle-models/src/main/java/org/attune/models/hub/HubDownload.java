package org.attune.models.hub;

import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.attune.models.hub.HubClient.Remote;
import org.attune.models.hub.HubClient.Revision;
import org.attune.models.source.ModelFiles;
import org.attune.plugin.UserError;

/**
 * Brings a model from a hub into the cache: only the files that a model is made from, each checked before it appears under its
 * name. What a cut connection or a stop leaves is gone on with.
 */
final class HubDownload {
    /** So many attempts in a row may bring nothing. */
    private static final int ATTEMPTS = 5;

    private static final int CHUNK_BYTES = 1 << 16;

    private final HubSource source;
    private final HubSettings settings;
    private final HubCache cache;
    private final Watch watch;
    private final HubClient client;

    /** Told how far the download is. */
    interface Watch {
        /**
         * @param file that is on its way
         * @return false to end it
         */
        boolean at(String file, long done, long total);
    }

    HubDownload(HubSource source, HubSettings settings, HubCache cache, Watch watch) {
        this.source = source;
        this.settings = settings;
        this.cache = cache;
        this.watch = watch;
        this.client = new HubClient(settings);
    }

    /**
     * @return the commit that the cache now has in full
     * @throws UserError if the model cannot be had
     */
    String run() {
        Revision revision = attempted("its list of files", () -> client.revision(source));
        boolean sharded = !revision.files().contains(HubCache.WEIGHTS);
        check(revision.files());
        List<String> small = revision.files().stream()
                .filter(f -> ModelFiles.describes(f) || sharded && f.equals(HubCache.INDEX))
                .toList();
        fetch(revision, small);
        fetch(revision, sharded ? cache.shards(revision.commit()) : Set.of(HubCache.WEIGHTS));
        try {
            cache.refer(source.revision(), revision.commit());
        } catch (IOException e) {
            throw UserError.cannot("write", cache.snapshot(revision.commit()), e);
        }
        return revision.commit();
    }

    /** Before gigabytes come: whether there is a model that can be read. */
    private void check(Set<String> files) {
        for (String needed : List.of(HubCache.CONFIG, HubCache.TOKENIZER)) {
            if (!files.contains(needed)) {
                throw new UserError(source + ": there is no " + needed
                        + " in it; expected config.json, tokenizer.json and" + " safetensors weights");
            }
        }
        if (!files.contains(HubCache.WEIGHTS) && !files.contains(HubCache.INDEX)) {
            String others = files.stream()
                    .filter(f -> f.matches(".*\\.(bin|pt|pth|h5|msgpack|gguf|safetensors)"))
                    .limit(5)
                    .collect(Collectors.joining(", "));
            throw new UserError(source + ": there is no " + HubCache.WEIGHTS + " in it"
                    + (others.isEmpty() ? "" : ", only " + others) + "; weights are downloaded as safetensors alone");
        }
    }

    private void fetch(Revision revision, Iterable<String> names) {
        Map<String, Remote> remotes = new LinkedHashMap<>();
        for (String name : names) {
            remotes.put(name, attempted(name, () -> client.file(source, revision.commit(), name)));
        }
        Progress progress =
                new Progress(remotes.values().stream().mapToLong(Remote::size).sum());
        remotes.forEach((name, remote) -> {
            progress.file = name;
            try {
                Path blob = cache.blob(remote.checksum());
                if (Files.exists(blob)) {
                    progress.at(remote.size());
                } else {
                    fetch(name, remote, progress);
                    Files.move(cache.partial(remote.checksum()), blob, StandardCopyOption.ATOMIC_MOVE);
                }
                cache.place(revision.commit(), name, remote.checksum());
            } catch (IOException e) {
                throw UserError.cannot("write", cache.blob(remote.checksum()), e);
            }
            progress.before += remote.size();
        });
    }

    /** How far all files of one fetch are. */
    private final class Progress {
        private final long total;
        private String file;
        /** Bytes of the files before. */
        private long before;

        Progress(long total) {
            this.total = total;
        }

        void at(long ofFile) {
            if (!watch.at(file, before + ofFile, total)) {
                throw new UserError(
                        source + ": the download was stopped; what has come is kept, and the next goes on there");
            }
        }
    }

    /** Fills a file's partial blob and checks it. */
    private void fetch(String name, Remote remote, Progress progress) throws IOException {
        Path partial = cache.partial(remote.checksum());
        Files.createDirectories(partial.getParent());
        try (FileChannel out = FileChannel.open(partial, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            if (out.size() > remote.size()) {
                out.truncate(0);
            }
            int failures = 0;
            while (out.size() < remote.size()) {
                long before = out.size();
                try {
                    transfer(name, remote, out, progress);
                } catch (IOException e) {
                    failures = out.size() > before ? 1 : failures + 1;
                    giveUpOrPause(name, failures, e);
                }
            }
            out.force(true);
        }
        Checksum found = remote.checksum().measure(partial);
        if (!found.equals(remote.checksum())) {
            Files.delete(partial);
            throw new UserError(source + ": " + name + " has the checksum " + found.hex() + ", expected "
                    + remote.checksum().hex() + "; it was damaged on its way and is deleted, so try again");
        }
    }

    private void transfer(String name, Remote remote, FileChannel out, Progress progress) throws IOException {
        HubClient.Content content = client.open(source, remote, name, out.size());
        long at = content.from();
        byte[] chunk = new byte[CHUNK_BYTES];
        try (InputStream in = new StallGuard(content.body(), settings.stall())) {
            written(() -> out.truncate(content.from()));
            for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
                if (at + n > remote.size()) {
                    throw new UserError(source + ": " + name + " is longer than the " + remote.size() + " bytes that "
                            + settings.endpoint() + " announced");
                }
                long position = at;
                ByteBuffer part = ByteBuffer.wrap(chunk, 0, n);
                written(() -> {
                    while (part.hasRemaining()) {
                        out.write(part, position + part.position());
                    }
                });
                at += n;
                progress.at(at);
            }
        }
        if (at < remote.size()) {
            throw new IOException("the connection ended after " + at + " of " + remote.size() + " bytes");
        }
    }

    private interface Writing {
        void run() throws IOException;
    }

    /** A full disk is no trouble of the network, and not tried again. */
    private void written(Writing writing) {
        try {
            writing.run();
        } catch (IOException e) {
            throw UserError.cannot("write", settings.cache(), e);
        }
    }

    private interface Asking<T> {
        T ask() throws IOException;
    }

    private <T> T attempted(String what, Asking<T> asking) {
        for (int failures = 1; ; failures++) {
            try {
                return asking.ask();
            } catch (IOException e) {
                giveUpOrPause(what, failures, e);
            }
        }
    }

    private void giveUpOrPause(String what, int failures, IOException e) {
        if (failures >= ATTEMPTS) {
            throw new UserError(
                    source + ": cannot get " + what + " from " + settings.endpoint() + ": " + reason(e)
                            + "; try again when the network is there (what has come is kept), or set HF_ENDPOINT to a"
                            + " mirror",
                    e);
        }
        try {
            Thread.sleep(settings.pause().toMillis() << (failures - 1));
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new UserError("the download was interrupted", interrupted);
        }
    }

    /** Of a failure to connect the library tells nothing more. */
    private static String reason(IOException e) {
        return e instanceof ConnectException
                ? "no connection"
                : e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }
}
