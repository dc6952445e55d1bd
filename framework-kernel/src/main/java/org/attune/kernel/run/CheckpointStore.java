package org.attune.kernel.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.LongPredicate;
import java.util.stream.Stream;
import org.attune.plugin.UserError;
import org.attune.tensor.Tensor;
import org.attune.tensor.io.HostTensor;
import org.attune.tensor.io.TensorFiles;

/**
 * The checkpoints of a run, whole whenever the process is killed: the last two generations, and the best one for as long as one
 * of these refers to it. So a run that is resumed from an older generation finds the best as it was then.
 *
 * <p>Generation 7 is three files, written in this order: {@code 7.safetensors} with the tensors, {@code 7.json} with the
 * position, {@code 7.sha256} with the checksums of both, in the format of {@code sha256sum -c}. Without the last there is no
 * generation 7. No file is ever overwritten. Not thread-safe.
 */
public final class CheckpointStore {
    /** Of the JSON file; a store reads no other. */
    static final int FORMAT = 1;

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String TENSORS = ".safetensors";
    private static final String POSITION = ".json";
    /** Makes a generation valid. */
    private static final String CHECKSUMS = ".sha256";

    /** @param best the generation that was best when this one was written; 0 for none */
    private record Generation(long number, long best) {}

    private record Found(Generation generation, Checkpoint checkpoint) {}

    /** Something is missing, cut short or changed. */
    private static final class Damaged extends Exception {
        private static final long serialVersionUID = 1L;

        Damaged(String message, Throwable cause) {
            super(message, cause);
        }
    }

    private final Path folder;
    private final Consumer<String> warnings;
    /** The newest generation that is known to be whole; null before the first. */
    private Generation newest;

    /**
     * @param folder made at the first checkpoint
     * @param warnings takes a line for the user when a damaged checkpoint was passed over or an old one could not be deleted
     */
    public CheckpointStore(Path folder, Consumer<String> warnings) {
        this.folder = folder;
        this.warnings = warnings;
    }

    /**
     * Writes a generation, and then deletes what is no longer needed.
     *
     * @param tensors everything that training changes, by names that the caller chooses; written with all their bits
     * @param best whether this is the best so far, to be given by {@link #best} until there is a better one
     * @throws UserError if it cannot be written, for example on a full disk; the generations before it stay
     */
    public void write(Position position, Map<String, Tensor> tensors, boolean best) {
        long number = 1
                + Stream.of(TENSORS, POSITION, CHECKSUMS)
                        .flatMap(suffix -> numbers(suffix).stream())
                        .reduce(0L, Math::max);
        Generation next = new Generation(number, best ? number : newest == null ? 0 : newest.best());
        Set<Long> keep = new TreeSet<>(List.of(number, next.best()));
        if (newest != null) {
            keep.addAll(List.of(newest.number(), newest.best()));
        }
        try {
            Map<String, HostTensor> contents = new LinkedHashMap<>();
            tensors.forEach((name, tensor) -> contents.put(name, HostTensor.exact(tensor)));
            DurableFiles.write(file(number, TENSORS), aside -> TensorFiles.write(aside, contents, Map.of()));
            DurableFiles.write(
                    file(number, POSITION),
                    json(next, position).toPrettyString().getBytes(StandardCharsets.UTF_8));
            DurableFiles.write(file(number, CHECKSUMS), checksums(number).getBytes(StandardCharsets.UTF_8));
        } catch (RuntimeException e) {
            delete(n -> n == number); // Its room may be just what is lacking.
            throw e;
        }
        newest = next;
        delete(n -> !keep.contains(n));
    }

    /**
     * The last whole checkpoint; empty where none was ever finished. Later writes build on it.
     *
     * @throws UserError if there are checkpoints, but none is whole
     */
    public Optional<Checkpoint> latest() {
        List<String> damages = new ArrayList<>();
        for (long number : numbers(CHECKSUMS)) {
            try {
                Found found = read(number);
                newest = found.generation();
                Checkpoint checkpoint = found.checkpoint();
                if (!damages.isEmpty()) {
                    warnings.accept(String.join("; ", damages) + "; going back to the checkpoint of step "
                            + checkpoint.position().step());
                }
                return Optional.of(checkpoint);
            } catch (Damaged e) {
                damages.add(e.getMessage());
            }
        }
        if (damages.isEmpty()) {
            return Optional.empty();
        }
        throw new UserError("no checkpoint is whole: " + String.join("; ", damages) + "; the run must start anew");
    }

    /**
     * The best checkpoint, as of the last one written or found.
     *
     * @throws UserError if it is damaged
     */
    public Optional<Checkpoint> best() {
        if (newest == null || newest.best() == 0) {
            return Optional.empty();
        }
        try {
            return Optional.of(read(newest.best()).checkpoint());
        } catch (Damaged e) {
            throw new UserError("the best checkpoint is lost: " + e.getMessage(), e);
        }
    }

    private Found read(long number) throws Damaged {
        verify(number);
        Path file = file(number, POSITION);
        JsonNode json;
        try {
            json = JSON.readTree(file.toFile());
        } catch (IOException e) {
            throw UserError.cannot("read", file, e);
        }
        int format = json.path("format").asInt();
        if (format != FORMAT) {
            throw new UserError(file + ": format " + format + ", this Attune reads " + FORMAT);
        }
        return new Found(
                new Generation(number, json.get("best").longValue()),
                new Checkpoint(position(json), file(number, TENSORS)));
    }

    private void verify(long number) throws Damaged {
        Path list = file(number, CHECKSUMS);
        String expected;
        try {
            expected = Files.readString(list);
        } catch (IOException e) {
            throw new Damaged(UserError.cannot("read", list, e).getMessage(), e);
        }
        for (String suffix : List.of(TENSORS, POSITION)) {
            Path file = file(number, suffix);
            String line;
            try {
                line = checksum(file);
            } catch (IOException e) {
                throw new Damaged(UserError.cannot("read", file, e).getMessage(), e);
            }
            if (!expected.contains(line)) {
                throw new Damaged(file + " is damaged: its checksum is not that in " + list.getFileName(), null);
            }
        }
    }

    private String checksums(long number) {
        StringBuilder lines = new StringBuilder();
        for (String suffix : List.of(TENSORS, POSITION)) {
            Path file = file(number, suffix);
            try {
                lines.append(checksum(file));
            } catch (IOException e) {
                throw UserError.cannot("read", file, e);
            }
        }
        return lines.toString();
    }

    private static String checksum(Path file) throws IOException {
        return Sha256.of(file) + "  " + file.getFileName() + "\n";
    }

    private static ObjectNode json(Generation generation, Position p) {
        ObjectNode json = JSON.createObjectNode()
                .put("format", FORMAT)
                .put("best", generation.best())
                .put("step", p.step())
                .put("epoch", p.epoch())
                .put("offset", p.offset())
                .put("optimizer_step", p.optimizerStep())
                .put("seconds", p.seconds())
                .put("examples", p.examples())
                .put("tokens", p.tokens());
        json.set("history", p.history());
        return json;
    }

    private static Position position(JsonNode json) {
        return new Position(
                json.get("step").longValue(),
                json.get("epoch").intValue(),
                json.get("offset").longValue(),
                json.get("optimizer_step").longValue(),
                json.get("seconds").doubleValue(),
                json.get("examples").longValue(),
                json.get("tokens").longValue(),
                (ObjectNode) json.get("history"));
    }

    private void delete(LongPredicate generations) {
        // The checksums first: a generation that is half deleted must not count as one that is damaged.
        for (Path file : files().stream()
                .filter(f -> generations.test(number(f)))
                .sorted(Comparator.comparing(f -> !f.toString().endsWith(CHECKSUMS)))
                .toList()) {
            try {
                Files.deleteIfExists(file);
            } catch (IOException e) {
                warnings.accept(UserError.cannot("delete", file, e).getMessage());
            }
        }
    }

    /** The generations that have a file with this suffix, the newest first. */
    private List<Long> numbers(String suffix) {
        return files().stream()
                .filter(f -> f.toString().endsWith(suffix))
                .map(CheckpointStore::number)
                .distinct()
                .sorted(Comparator.reverseOrder())
                .toList();
    }

    /** Every file of a generation, finished or not. */
    private List<Path> files() {
        if (!Files.exists(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(f -> number(f) > 0).toList();
        } catch (IOException e) {
            throw UserError.cannot("read", folder, e);
        }
    }

    private Path file(long number, String suffix) {
        return folder.resolve(number + suffix);
    }

    /** The generation that a file belongs to; 0 for a stranger. */
    private static long number(Path file) {
        String name = file.getFileName().toString();
        return name.matches("\\d{1,18}\\.(safetensors|json|sha256)(\\.tmp)?")
                ? Long.parseLong(name.substring(0, name.indexOf('.')))
                : 0;
    }
}
