package org.attune.models.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.attune.plugin.UserError;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HubSettingsTest {
    @TempDir
    private Path home;

    private HubSettings with(Map<String, String> environment) {
        return HubSettings.of(environment::get, home);
    }

    @Test
    void theCacheLiesWherePythonHasIt() {
        assertThat(with(Map.of()).cache()).isEqualTo(home.resolve(".cache/huggingface/hub"));
        assertThat(with(Map.of("XDG_CACHE_HOME", "/x")).cache()).isEqualTo(Path.of("/x/huggingface/hub"));
        assertThat(with(Map.of("HF_HOME", "/h", "XDG_CACHE_HOME", "/x")).cache())
                .isEqualTo(Path.of("/h/hub"));
        assertThat(with(Map.of("HF_HOME", "/h", "HF_HUB_CACHE", "/c")).cache()).isEqualTo(Path.of("/c"));
    }

    @Test
    void theHub() {
        assertThat(with(Map.of()).endpoint()).isEqualTo(URI.create("https://huggingface.co"));
        assertThat(with(Map.of("HF_ENDPOINT", "http://localhost:1234/mirror/")).endpoint())
                .isEqualTo(URI.create("http://localhost:1234/mirror"));
        assertThatThrownBy(() -> with(Map.of("HF_ENDPOINT", "mirror")))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("HF_ENDPOINT is mirror: expected an address");
        assertThat(with(Map.of()).offline()).isFalse();
        assertThat(with(Map.of("HF_HUB_OFFLINE", "0")).offline()).isFalse();
        assertThat(with(Map.of("HF_HUB_OFFLINE", "True")).offline()).isTrue();
    }

    @Test
    void theTokenIsTheVariablesOrTheOneThatPythonHasSaved() throws IOException {
        assertThat(with(Map.of()).token()).isEmpty();
        Path saved = home.resolve(".cache/huggingface/token");
        Files.createDirectories(saved.getParent());
        Files.writeString(saved, "hf_saved\n");
        assertThat(with(Map.of("HF_TOKEN", " ")).token()).contains("hf_saved");
        assertThat(with(Map.of("HF_TOKEN", "hf_given")).token()).contains("hf_given");
    }

    /** The blob id that git itself gives {@code printf 'hello\n'}, and the well-known SHA-256. */
    @Test
    void checksumsAreGitsAndShas() throws IOException {
        Path file = Files.writeString(home.resolve("hello"), "hello\n");
        assertThat(new Checksum("0".repeat(40)).measure(file).hex())
                .isEqualTo("ce013625030ba8dba906f756967f9e9ca394464a");
        assertThat(new Checksum("0".repeat(64)).measure(file).hex())
                .isEqualTo("5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
        assertThat(Checksum.of("W/\"" + "a".repeat(40) + "\"")).contains(new Checksum("a".repeat(40)));
        assertThat(Checksum.of("\"abc\"")).isEmpty();
    }
}
