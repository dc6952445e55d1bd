package org.attune.models.gguf;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import org.attune.models.Families;
import org.attune.models.FuzzedFile;
import org.attune.models.ModelConfig;

class GgufFuzz {
    @FuzzTest(maxDuration = "10s")
    void reads(byte[] content) throws IOException {
        FuzzedFile.read(content, path -> {
            try (GgufFile file = GgufFile.open(path)) {
                GgufTokenizer.json(file.metadata());
                GgufTokenizer.config(file.metadata());
                GgufArchitecture architecture = GgufArchitectures.of(file.metadata());
                Families.read(ModelConfig.of(file.source(), architecture.config(file)));
                GgufWeights weights = new GgufWeights(file, architecture);
                for (String name : weights.names()) {
                    weights.read(name, (block, length) -> {});
                }
            }
        });
    }
}
