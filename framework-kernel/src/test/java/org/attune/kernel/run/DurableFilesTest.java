package org.attune.kernel.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.attune.plugin.UserError;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DurableFilesTest {
    @TempDir
    Path folder;

    @Test
    void replacesInOnePiece() throws IOException {
        Path file = folder.resolve("new/report.json");
        DurableFiles.write(file, "long, and first".getBytes());
        DurableFiles.write(file, "second".getBytes());
        assertThat(file).hasContent("second");
        assertThat(file.getParent()).isDirectoryContaining(p -> p.equals(file));
        assertThat(Files.list(file.getParent())).containsExactly(file);
    }

    @Test
    void aLeftoverOfAKilledWriteIsNoHindrance() throws IOException {
        Path file = folder.resolve("a");
        Files.writeString(folder.resolve("a.tmp"), "half of something longer");
        DurableFiles.write(file, "whole".getBytes());
        assertThat(file).hasContent("whole");
        assertThat(Files.list(folder)).containsExactly(file);
    }

    @Test
    void aFailureInTheMiddleLeavesTheOldFileAndNoHalf() throws IOException {
        Path file = folder.resolve("a");
        DurableFiles.write(file, "old".getBytes());
        assertThatThrownBy(() -> DurableFiles.write(file, aside -> {
                    Files.writeString(aside, "half");
                    throw new IOException("No space left on device");
                }))
                .isInstanceOf(UserError.class)
                .hasMessage(file + ": cannot write: No space left on device");
        assertThat(file).hasContent("old");
        assertThat(Files.list(folder)).containsExactly(file);
    }

    @Test
    void aFullDiskIsNamed() throws IOException {
        Path file = folder.resolve("a");
        DurableFiles.write(file, "old".getBytes());
        FullDisk.at(folder.resolve("a.tmp"));
        assertThatThrownBy(() -> DurableFiles.write(file, "new".getBytes()))
                .isInstanceOf(UserError.class)
                .hasMessage(file + ": cannot write: No space left on device");
        assertThat(file).hasContent("old");
        assertThat(Files.list(folder)).containsExactly(file);
    }

    @Test
    void aFileInPlaceOfTheFolderIsNamed() throws IOException {
        Path inTheWay = Files.createFile(folder.resolve("run"));
        Path file = inTheWay.resolve("spec.yaml");
        assertThatThrownBy(() -> DurableFiles.write(file, new byte[0]))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(file + ": cannot write: ");
    }
}
