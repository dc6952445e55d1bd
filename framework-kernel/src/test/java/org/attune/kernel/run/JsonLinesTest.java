package org.attune.kernel.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import org.attune.plugin.UserError;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JsonLinesTest {
    @TempDir
    Path folder;

    private Path file;

    @BeforeEach
    void file() {
        file = folder.resolve("run/metrics.jsonl");
    }

    @Test
    void aLineIsInTheFileAtOnce() {
        try (JsonLines lines = JsonLines.create(file)) {
            lines.append(line(1));
            assertThat(file).hasContent("{\"step\":1,\"loss\":0.1,\"text\":\"ü\\n\"}\n");
            lines.append(line(2));
            assertThat(file).isNotEmptyFile();
        }
        assertThat(file).hasContent(line(1) + "\n" + line(2) + "\n");
    }

    /** Whatever a kill leaves of the file, and whichever step is resumed, the run ends with the uninterrupted run's file. */
    @Test
    void aResumedRunEndsWithTheSameFileAfterAKillAtAnyByte() throws IOException {
        write(0, 6);
        byte[] uninterrupted = Files.readAllBytes(file);
        int checkpoint = 3;
        int synced = (line(1) + "\n" + line(2) + "\n" + line(3) + "\n").getBytes("UTF-8").length;
        for (int cut = synced; cut <= uninterrupted.length; cut++) {
            Files.write(file, Arrays.copyOf(uninterrupted, cut));
            write(checkpoint, 6);
            assertThat(Files.readAllBytes(file)).as("cut at %d", cut).isEqualTo(uninterrupted);
        }
    }

    /** After a power failure the file may have its length but not its bytes. */
    @Test
    void zerosBehindTheLastSyncAreCutOff() throws IOException {
        write(0, 5);
        byte[] uninterrupted = Files.readAllBytes(file);
        int synced = (line(1) + "\n" + line(2) + "\n" + line(3) + "\n").getBytes("UTF-8").length;
        byte[] torn = uninterrupted.clone();
        Arrays.fill(torn, synced, torn.length - 1, (byte) 0);
        Files.write(file, torn);
        write(3, 5);
        assertThat(Files.readAllBytes(file)).isEqualTo(uninterrupted);
    }

    private void write(int done, int steps) {
        try (JsonLines lines = done == 0 ? JsonLines.create(file) : JsonLines.resume(file, done)) {
            for (int step = done + 1; step <= steps; step++) {
                lines.append(line(step));
            }
            lines.sync();
        }
    }

    @Test
    void linesWithoutAStepBelongToTheStart() throws IOException {
        try (JsonLines lines = JsonLines.create(file)) {
            lines.append(JsonNodeFactory.instance.objectNode().put("event", "start"));
            lines.append(line(1));
        }
        JsonLines.resume(file, 0).close();
        assertThat(file).hasContent("{\"event\":\"start\"}\n");
    }

    @Test
    void aMissingFileIsStarted() {
        JsonLines.resume(file, 7).close();
        assertThat(file).isEmptyFile();
    }

    @Test
    void aFullDiskIsNamed() throws IOException {
        try (FileChannel full = FileChannel.open(FullDisk.device(), StandardOpenOption.WRITE);
                JsonLines lines = new JsonLines(file, full)) {
            assertThatThrownBy(() -> lines.append(line(1)))
                    .isInstanceOf(UserError.class)
                    .hasMessage(file + ": cannot write: No space left on device");
        }
    }

    @Test
    void aLineThatFitsOnlyInPartIsTakenBack() throws IOException {
        Files.createDirectories(file.getParent());
        String first = line(1) + "\n";
        int room = first.getBytes("UTF-8").length + 10;
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try (JsonLines lines = new JsonLines(file, new FillingChannel(channel, room))) {
            lines.append(line(1));
            assertThatThrownBy(() -> lines.append(line(2)))
                    .isInstanceOf(UserError.class)
                    .hasMessage(file + ": cannot write: No space left on device");
            assertThat(Files.readString(file)).isEqualTo(first);
        }
    }

    private static ObjectNode line(int step) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("step", step)
                .put("loss", step / 10.0)
                .put("text", "ü\n");
    }
}
