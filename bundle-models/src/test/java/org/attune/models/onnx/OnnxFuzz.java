package org.attune.models.onnx;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import org.attune.models.FuzzedFile;
import org.attune.tensor.io.FileBytes;

class OnnxFuzz {
    @FuzzTest(maxDuration = "10s")
    void reads(byte[] content) throws IOException {
        FuzzedFile.read(content, path -> {
            try (FileBytes file = FileBytes.open(path, "ONNX")) {
                OnnxWeights weights = new OnnxWeights(file);
                for (String name : weights.names()) {
                    weights.read(name, (block, length) -> {});
                }
            }
        });
    }
}
