package org.attune.kernel.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.io.TensorFile;
import org.attune.tensor.reference.ReferenceEngine;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointStoreTest {
    @TempDir
    Path run;

    private final TensorEngine engine = new ReferenceEngine();
    private final Tensor weight = Tensor.of(engine, Shape.of(2, 2), 0.1, Math.PI, -0.0, Double.MIN_VALUE);
    private final Tensor moment = Tensor.of(engine, Shape.of(1), 1e-30);
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();
    private final List<String> warnings = new ArrayList<>();

    private Path folder;

    @BeforeEach
    void setUp() {
        folder = run.resolve("checkpoint");
        tensors.put("parameter.w", weight);
        tensors.put("exp_avg.w", moment);
    }

    @Test
    void everythingComesBackToTheBit() {
        ObjectNode history = JsonNodeFactory.instance.objectNode().put("patience", 3);
        Position position = new Position(12, 1, 34, 11, 0.1 + 0.2, 999, 123_456_789_012L, history);
        double[] before = weight.toDoubles();
        store().write(position, tensors, false);
        weight.set(new double[4]);

        Checkpoint checkpoint = store().latest().orElseThrow();
        assertThat(checkpoint.position()).isEqualTo(position);
        assertThat(checkpoint.names()).containsExactlyElementsOf(tensors.keySet());
        checkpoint.load(tensors);
        assertThat(bits(weight.toDoubles())).isEqualTo(bits(before));
        assertThat(checkpoint.values("parameter.")).containsOnlyKeys("w");
        assertThat(bits(checkpoint.values("parameter.").get("w"))).isEqualTo(bits(before));
    }

    private static long[] bits(double[] values) {
        return Arrays.stream(values).mapToLong(Double::doubleToRawLongBits).toArray();
    }

    @Test
    void aNewRunHasNone() {
        assertThat(store().latest()).isEmpty();
        assertThat(store().best()).isEmpty();
    }

    @Test
    void theLastTwoAreKept() throws IOException {
        CheckpointStore store = store();
        for (int step = 1; step <= 5; step++) {
            store.write(at(step), tensors, false);
        }
        assertThat(list()).containsExactlyInAnyOrder(files(4, 5));
    }

    @Test
    void theBestIsKeptAsOfTheGenerationThatIsResumed() throws IOException {
        CheckpointStore store = store();
        write(store, 1, true);
        write(store, 2, false);
        write(store, 3, false);
        assertThat(step(store.best().orElseThrow())).isEqualTo(1);
        write(store, 4, true);
        assertThat(list()).containsExactlyInAnyOrder(files(1, 3, 4));
        assertThat(step(store.best().orElseThrow())).isEqualTo(4);

        Files.delete(folder.resolve("4.json")); // and so the run goes back to step 3
        CheckpointStore resumed = store();
        assertThat(step(resumed.latest().orElseThrow())).isEqualTo(3);
        Checkpoint best = resumed.best().orElseThrow();
        assertThat(step(best)).isEqualTo(1);
        assertThat(best.values("parameter.").get("w")[0]).isEqualTo(1);

        write(resumed, 4, true);
        write(resumed, 5, false);
        assertThat(step(resumed.best().orElseThrow())).isEqualTo(4);
        assertThat(list()).containsExactlyInAnyOrder(files(5, 6));
    }

    @Test
    void aLostBestIsNamed() throws IOException {
        CheckpointStore store = store();
        write(store, 1, true);
        write(store, 2, false);
        flip(folder.resolve("1.safetensors"), 150);
        assertThatThrownBy(store::best)
                .isInstanceOf(UserError.class)
                .hasMessageContaining("the best checkpoint is lost: ")
                .hasMessageContaining("1.safetensors is damaged");
    }

    /** Every state that a kill can leave behind while generation 3 is written, and the old one deleted. */
    @Test
    void aKillAtAnyMomentLeavesAWholeCheckpoint() throws IOException {
        CheckpointStore store = store();
        write(store, 1, false);
        write(store, 2, false);
        Map<String, byte[]> before = contents();
        write(store, 3, false);
        Map<String, byte[]> after = contents();

        Map<String, byte[]> state = new TreeMap<>(before);
        for (String name : List.of("3.safetensors", "3.json", "3.sha256")) {
            byte[] whole = after.get(name);
            for (int cut : new int[] {0, 1, 8, whole.length / 2, whole.length - 1, whole.length}) {
                state.put(name + ".tmp", Arrays.copyOf(whole, cut));
                assertResumes(state, 2);
            }
            state.remove(name + ".tmp");
            state.put(name, whole);
            assertResumes(state, name.equals("3.sha256") ? 3 : 2);
        }
        for (String name : List.of("1.sha256", "1.json", "1.safetensors")) {
            state.remove(name);
            assertResumes(state, 3);
        }
        assertThat(state.keySet()).isEqualTo(after.keySet());
    }

    private void assertResumes(Map<String, byte[]> state, long step) throws IOException {
        lay(state);
        CheckpointStore store = store();
        Checkpoint checkpoint = store.latest().orElseThrow();
        assertThat(step(checkpoint)).isEqualTo(step);
        assertThat(checkpoint.values("parameter.").get("w")[0]).isEqualTo(step);
        assertThat(warnings).isEmpty();
        write(store, step + 1, false);
        assertThat(step(store().latest().orElseThrow())).isEqualTo(step + 1);
        assertThat(list()).as("no leftovers").hasSize(6);
    }

    /** What no kill does, but a disk may. */
    @Test
    void aDamagedCheckpointIsPassedOverWithAWarning() throws IOException {
        CheckpointStore store = store();
        write(store, 1, false);
        write(store, 2, false);
        Map<String, byte[]> whole = contents();
        for (String name : List.of("2.safetensors", "2.json", "2.sha256")) {
            int length = whole.get(name).length;
            for (int at = 0; at < length; at += 5) {
                if (name.endsWith(".sha256") && at == length - 1) {
                    continue; // the line end alone; nothing is lost with it
                }
                lay(whole);
                if (at % 2 == 0) {
                    flip(folder.resolve(name), at);
                } else {
                    Files.write(folder.resolve(name), Arrays.copyOf(whole.get(name), at));
                }
                warnings.clear();
                assertThat(step(store().latest().orElseThrow())).isEqualTo(1);
                assertThat(warnings).singleElement().asString().contains("going back to the checkpoint of step 1");
            }
        }
    }

    @Test
    void afterAFallBackTheDamagedOneIsReplacedAndTheWholeOneKept() throws IOException {
        CheckpointStore store = store();
        write(store, 1, false);
        write(store, 2, false);
        flip(folder.resolve("2.safetensors"), 100);
        CheckpointStore resumed = store();
        resumed.latest();
        write(resumed, 2, false);
        assertThat(list()).containsExactlyInAnyOrder(files(1, 3));
    }

    @Test
    void twoDamagedOnesAreAClearError() throws IOException {
        CheckpointStore store = store();
        write(store, 1, false);
        write(store, 2, false);
        flip(folder.resolve("1.json"), 3);
        Files.delete(folder.resolve("2.safetensors"));
        assertThatThrownBy(() -> store().latest())
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith("no checkpoint is whole: ")
                .hasMessageContaining(folder.resolve("2.safetensors") + ": cannot read: no such file or folder")
                .hasMessageContaining(folder.resolve("1.json") + " is damaged");
    }

    @Test
    void aFullDiskLeavesTheEarlierOnes() throws IOException {
        CheckpointStore store = store();
        write(store, 1, false);
        write(store, 2, false);
        for (String name : List.of("3.safetensors", "3.json", "3.sha256")) {
            FullDisk.at(folder.resolve(name + ".tmp"));
            assertThatThrownBy(() -> write(store, 3, false))
                    .isInstanceOf(UserError.class)
                    .hasMessageStartingWith(folder.resolve(name).toString())
                    .hasMessageEndingWith("No space left on device");
            assertThat(list()).containsExactlyInAnyOrder(files(1, 2));
            assertThat(step(store().latest().orElseThrow())).isEqualTo(2);
        }
        write(store, 3, false);
        assertThat(list()).containsExactlyInAnyOrder(files(2, 3));
    }

    @Test
    void anotherTrialsCheckpointIsRefusedWithAllDifferencesAndNothingChanged() {
        store().write(at(1), tensors, false);
        Checkpoint checkpoint = store().latest().orElseThrow();
        Tensor other = Tensor.of(engine, Shape.of(3), 1.0, 2.0, 3.0);
        Map<String, Tensor> into = new LinkedHashMap<>();
        into.put("exp_avg.w", moment);
        into.put("parameter.w", other);
        into.put("parameter.b", other);
        moment.set(5.0);
        assertThatThrownBy(() -> checkpoint.load(into))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("parameter.w is [2, 2], expected [3]; parameter.b is not in it");
        assertThat(moment.item()).isEqualTo(5);
    }

    @Test
    void aNewerFormatIsNamed() throws IOException {
        store().write(at(1), tensors, false);
        Path json = folder.resolve("1.json");
        Files.writeString(json, Files.readString(json).replace("\"format\" : 1", "\"format\" : 2"));
        Files.writeString(
                folder.resolve("1.sha256"),
                Files.readString(folder.resolve("1.sha256")).lines().findFirst().orElseThrow() + "\n" + Sha256.of(json)
                        + "  1.json\n");
        assertThatThrownBy(() -> store().latest())
                .isInstanceOf(UserError.class)
                .hasMessage(json + ": format 2, this Attune reads 1");
    }

    @Test
    void strangersInTheFolderStay() throws IOException {
        CheckpointStore store = store();
        write(store, 1, false);
        Files.writeString(folder.resolve("notes.txt"), "mine");
        write(store, 2, false);
        write(store, 3, false);
        assertThat(list()).contains("notes.txt").hasSize(7);
        try (TensorFile file = TensorFile.open(folder.resolve("3.safetensors"))) {
            assertThat(file.doubles("parameter.w")[0]).isEqualTo(3);
        }
    }

    private CheckpointStore store() {
        return new CheckpointStore(folder, warnings::add);
    }

    private void write(CheckpointStore store, long step, boolean best) {
        weight.set(step, 0, 0, 0);
        store.write(at(step), tensors, best);
    }

    private static Position at(long step) {
        return new Position(step, 0, 0, step, 0, 0, 0, JsonNodeFactory.instance.objectNode());
    }

    private static long step(Checkpoint checkpoint) {
        return checkpoint.position().step();
    }

    private static String[] files(int... generations) {
        return Arrays.stream(generations)
                .boxed()
                .flatMap(n -> Stream.of(n + ".safetensors", n + ".json", n + ".sha256"))
                .toArray(String[]::new);
    }

    private Set<String> list() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(f -> f.getFileName().toString()).collect(Collectors.toSet());
        }
    }

    private Map<String, byte[]> contents() throws IOException {
        Map<String, byte[]> contents = new TreeMap<>();
        for (String name : list()) {
            contents.put(name, Files.readAllBytes(folder.resolve(name)));
        }
        return contents;
    }

    private void lay(Map<String, byte[]> contents) throws IOException {
        for (String name : list()) {
            Files.delete(folder.resolve(name));
        }
        for (Map.Entry<String, byte[]> file : contents.entrySet()) {
            Files.write(folder.resolve(file.getKey()), file.getValue());
        }
    }

    private static void flip(Path file, int at) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        bytes[at] ^= 1;
        Files.write(file, bytes);
    }
}
