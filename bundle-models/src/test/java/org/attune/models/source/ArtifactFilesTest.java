package org.attune.models.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.attune.plugin.UserError;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ArtifactFilesTest {
    @TempDir
    private Path dir;

    private final Map<String, String> properties = new HashMap<>();

    @BeforeEach
    void everythingBelowOneFolder() {
        properties.put("user.home", dir.resolve("user").toString());
        properties.put("attune.home", dir.resolve("attune").toString());
    }

    @Test
    void resourcesComeBeforeTheRepository() throws Exception {
        Path inRepository = touch("user/.m2/repository/org/example/model/1.0/model-1.0.jar");
        touch("user/.m2/repository/org/example/model/1.0/model-1.0-sources.jar");
        assertThat(find(null)).isEqualTo(inRepository);
        Path inHome = touch("attune/resources/model-1.1.jar");
        assertThat(find(null)).isEqualTo(inHome);
        assertThat(find("1.0")).isEqualTo(inRepository);
        properties.put("attune.resources", dir.resolve("elsewhere").toString());
        assertThat(find(null)).isEqualTo(inRepository);
        Path inResources = touch("elsewhere/model-2.jar");
        touch("elsewhere/model-xl-2.jar");
        assertThat(find(null)).isEqualTo(inResources);
    }

    @Test
    void theLocalRepositoryMayBeElsewhere() throws Exception {
        properties.put("maven.repo.local", dir.resolve("repo").toString());
        Path jar = touch("repo/org/example/model/1.0/model-1.0.jar");
        assertThat(find(null)).isEqualTo(jar);
    }

    @Test
    void severalVersionsAreNotGuessedFrom() throws Exception {
        touch("user/.m2/repository/org/example/model/1.0/model-1.0.jar");
        Path second = touch("user/.m2/repository/org/example/model/1.1/model-1.1.jar");
        assertThat(find("1.1")).isEqualTo(second);
        assertThatThrownBy(() -> find(null))
                .isInstanceOf(UserError.class)
                .hasMessage(dir.resolve("user/.m2/repository/org/example/model")
                        + ": several versions of org.example:model: model-1.0.jar, model-1.1.jar; "
                        + "say which: maven:org.example:model:version");
    }

    @Test
    void aMissingJarIsNamedWithThePlacesAndTheRemedy() {
        assertThatThrownBy(() -> find("1.0"))
                .isInstanceOf(UserError.class)
                .hasMessage("maven:org.example:model:1.0: no such jar in " + dir.resolve("attune/resources") + " or "
                        + dir.resolve("user/.m2/repository/org/example/model")
                        + "; put it there, or get it with: "
                        + "mvn dependency:get -Dtransitive=false -Dartifact=org.example:model:1.0");
    }

    private Path find(String version) {
        return new ArtifactFiles(properties::get).find("org.example", "model", version);
    }

    private Path touch(String file) throws IOException {
        Path path = dir.resolve(file);
        Files.createDirectories(path.getParent());
        return Files.createFile(path);
    }
}
