package org.attune.kernel.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.OptionalLong;
import org.attune.kernel.plugins.PluginLease;
import org.attune.plugin.UserError;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProvenanceTest {
    private static final Clock NOON = Clock.fixed(Instant.parse("2026-01-01T12:00:00Z"), ZoneOffset.UTC);
    private static final Clock LATER = Clock.fixed(Instant.parse("2026-01-02T12:00:00Z"), ZoneOffset.UTC);

    @TempDir
    Path folder;

    private final TensorEngine engine = new ReferenceEngine();

    @Test
    void aResumedRunKeepsTheEarlierSitting() throws IOException {
        Path file = folder.resolve("provenance.json");
        Path jar = Files.writeString(folder.resolve("a plug-in.jar"), "abc");
        Provenance first = new Provenance("0.1.0", engine, engine.dtype(), NOON);
        first.seed("sampler", 7);
        first.source("data", "wordnet", "d1");
        first.source("model", "minilm", "m1");
        first.plugin(lora(jar.toUri().toString()), 0);
        first.write(file);

        Provenance second = Provenance.resume(file, "0.2.0", engine, engine.dtype(), LATER);
        assertThat(second.fingerprint("data")).isEqualTo("d1");
        assertThat(second.fingerprint("nothing")).isNull();
        second.plugin(lora("inputstream:lora"), 40);
        second.end(new PeakMemory(123, "test"));
        second.write(file);

        JsonNode json = new ObjectMapper().readTree(file.toFile());
        assertThat(json).isEqualTo(new ObjectMapper().readTree(second.toJson().toString()));
        assertThat(json.at("/seeds/sampler").longValue()).isEqualTo(7);
        assertThat(json.at("/model/fingerprint").textValue()).isEqualTo("m1");
        assertThat(json.get("sittings")).hasSize(2);
        JsonNode killed = json.at("/sittings/0");
        assertThat(killed.get("start").textValue()).isEqualTo("2026-01-01T12:00:00Z");
        assertThat(killed.has("end")).isFalse();
        assertThat(killed.at("/engine/name").textValue()).isEqualTo("reference");
        assertThat(killed.at("/engine/type").textValue()).isEqualTo("float64");
        JsonNode lora = killed.at("/plugins/0");
        assertThat(lora.get("version").textValue()).isEqualTo("1.2.3");
        assertThat(lora.get("bundle").textValue()).isEqualTo("org.example.lora");
        // The published test vector of SHA-256 for "abc".
        assertThat(lora.get("sha256").textValue())
                .isEqualTo("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        JsonNode ended = json.at("/sittings/1");
        assertThat(ended.get("attune").textValue()).isEqualTo("0.2.0");
        assertThat(ended.get("end").textValue()).isEqualTo("2026-01-02T12:00:00Z");
        assertThat(ended.at("/plugins/0/sha256").isNull()).isTrue();
        assertThat(ended.at("/plugins/0/from_step").intValue()).isEqualTo(40);
        assertThat(ended.at("/peak_memory/bytes").intValue()).isEqualTo(123);
    }

    @Test
    void oddLocationsOfBundlesHaveNoChecksum() {
        Provenance provenance = new Provenance("0.1.0", engine, engine.dtype(), NOON);
        for (String location : new String[] {
            "", "a b", "file:relative.jar", "file:", folder.toUri().toString(), "file:/no/such.jar"
        }) {
            provenance.plugin(lora(location), 0);
        }
        for (JsonNode plugin : provenance.toJson().at("/sittings/0/plugins")) {
            assertThat(plugin.get("sha256").isNull()).isTrue();
        }
    }

    @Test
    void theMachineIsDescribed() {
        JsonNode machine =
                new Provenance("0.1.0", engine, engine.dtype(), NOON).toJson().at("/sittings/0/machine");
        assertThat(machine.get("cores").intValue()).isPositive();
        assertThat(machine.get("memory_bytes").longValue()).isGreaterThan(1L << 20);
        assertThat(machine.get("java").textValue()).isEqualTo(System.getProperty("java.runtime.version"));
        assertThat(machine.get("jvm_flags").toString()).doesNotContain("ai.djl");
    }

    @Test
    void theProcessorsNameIsFound() throws IOException {
        Path info = Files.writeString(
                folder.resolve("cpuinfo"), "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nmodel name\t: other\n");
        assertThat(Machine.cpu(info)).isEqualTo("Some CPU @ 3 GHz");
        assertThat(Machine.cpu(folder.resolve("absent"))).isNull();
    }

    @Test
    void thePeakIsTheResidentOneWhereKnown() throws IOException {
        Path status = Files.writeString(folder.resolve("status"), "Name:\tjava\nVmHWM:\t   2048 kB\nVmRSS:\t 12 kB\n");
        assertThat(PeakMemory.residentPeak(status)).hasValue(2048 * 1024);
        assertThat(PeakMemory.residentPeak(folder.resolve("absent"))).isEqualTo(OptionalLong.empty());
        PeakMemory now = PeakMemory.measure(1);
        assertThat(now.bytes()).isGreaterThan(1L << 20);
        assertThat(now.source()).contains(Files.exists(Path.of("/proc/self/status")) ? "VmHWM" : "JVM");
    }

    @Test
    void aFileThatIsNoProvenanceIsRefused() throws IOException {
        for (Map.Entry<String, String> bad :
                Map.of("[]", "not a run's provenance", "{", "not valid JSON").entrySet()) {
            Path file = Files.writeString(folder.resolve("bad.json"), bad.getKey());
            assertThatThrownBy(() -> Provenance.resume(file, "0.1.0", engine, engine.dtype(), NOON))
                    .isInstanceOf(UserError.class)
                    .hasMessageStartingWith(file + ": " + bad.getValue());
        }
        assertThatThrownBy(() -> Provenance.resume(folder.resolve("none"), "0.1.0", engine, engine.dtype(), NOON))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("no such file");
    }

    private static PluginLease.Origin lora(String location) {
        return new PluginLease.Origin("adapter", "lora", "1.2.3", "org.example.lora", location);
    }
}
