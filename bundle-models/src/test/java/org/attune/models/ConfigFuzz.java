package org.attune.models;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;

class ConfigFuzz {
    @FuzzTest(maxDuration = "10s")
    void reads(byte[] content) throws IOException {
        FuzzedFile.read(content, path -> {
            try {
                Families.read(ModelConfig.parse("config.json", Files.readAllBytes(path)));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }
}
