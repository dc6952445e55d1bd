package org.attune.kernel.profile;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.attune.kernel.step.Workers;
import org.attune.tensor.DType;
import org.attune.tensor.engine.Matmul;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecordingTest {
    @TempDir
    Path folder;

    private final TensorEngine engine = Instrumented.of(new ReferenceEngine());
    private final Workers workers = new Workers(2, "recording");
    private Storage x;
    private Storage y;

    @BeforeEach
    void open() {
        x = engine.allocate(6, DType.FLOAT64);
        y = engine.allocate(6, DType.FLOAT64);
    }

    @AfterEach
    void close() {
        x.close();
        y.close();
        workers.close();
    }

    @Test
    void callsOfOtherThreadsAndOtherTimesAreNotRecorded() throws Exception {
        engine.affine(x, 2, 0, y);
        Recording recording = Recording.begin(engine, workers, folder);
        workers.run(w -> {
            if (w == 1) {
                engine.matmul(Matmul.of(2, 2, 3, false, false), x, y, engine.allocate(4, DType.FLOAT64));
            }
        });
        Thread stranger = new Thread(() -> engine.fill(x, 1));
        stranger.start();
        stranger.join();
        recording.close();
        engine.affine(x, 2, 0, y);

        JsonNode events = new ObjectMapper()
                .readTree(folder.resolve("profile.json").toFile())
                .path("traceEvents");
        assertThat(events).hasSize(2);
        assertThat(events.path(0).path("args").path("name").asText()).startsWith("recording-worker-");
        assertThat(events.path(1).path("name").asText()).isEqualTo("matmul NN *x3x2");
        assertThat(events.path(1).path("args").path("flops").asLong()).isEqualTo(2 * 2 * 2 * 3);
        assertThat(events.path(1).path("args").path("bytes").asLong()).isEqualTo((6 + 6 + 4) * 8);
    }

    @Test
    void aLongRunsTraceEndsEarlyAndItsTableCountsOn() throws IOException {
        int calls = Recording.MOST_CALLS + 5;
        Recording recording = Recording.begin(engine, workers, folder);
        for (int i = 0; i < calls; i++) {
            engine.fill(x, i);
        }
        recording.close();
        JsonNode trace =
                new ObjectMapper().readTree(folder.resolve("profile.json").toFile());
        assertThat(trace.path("otherData").path("calls").asInt()).isEqualTo(Recording.MOST_CALLS);
        assertThat(trace.path("otherData").path("later calls left out").asInt()).isEqualTo(5);
        assertThat(Files.readString(folder.resolve("profile.txt"))).containsPattern("fill +" + calls + " ");
    }
}
