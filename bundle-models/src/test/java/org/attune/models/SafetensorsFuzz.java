package org.attune.models;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import org.attune.tensor.io.TensorFile;

class SafetensorsFuzz {
    @FuzzTest(maxDuration = "10s")
    void reads(byte[] content) throws IOException {
        FuzzedFile.read(content, path -> {
            try (TensorFile file = TensorFile.open(path)) {
                file.metadata();
                for (String name : file.names()) {
                    file.floats(name, (block, length) -> {});
                }
            }
        });
    }
}
