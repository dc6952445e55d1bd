package org.attune.natives.nd4j.internal;

import static org.assertj.core.api.Assertions.assertThat;

import org.bytedeco.javacpp.Loader;
import org.junit.jupiter.api.Test;

class PlatformTest {
    @Test
    void itIsWhatJavaCppSays() {
        assertThat(Platform.current()).isEqualTo(Loader.getPlatform());
    }

    @Test
    void everyPlatformOfTheBuildIsKnown() {
        assertThat(Platform.of("Linux", "amd64")).isEqualTo("linux-x86_64");
        assertThat(Platform.of("Linux", "aarch64")).isEqualTo("linux-arm64");
        assertThat(Platform.of("Mac OS X", "x86_64")).isEqualTo("macosx-x86_64");
        assertThat(Platform.of("Windows 11", "amd64")).isEqualTo("windows-x86_64");
    }
}
