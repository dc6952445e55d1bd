package org.attune.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.attune.training.Adapter.UnsupportedMethod;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LoraFormatTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final LoraFormat format = new LoraFormat();

    private static Map<String, Object> parse(String json) {
        try {
            return JSON.readValue(json, new TypeReference<>() {});
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** The configuration that PEFT wrote beside a golden trace. */
    private static Map<String, Object> golden(String trace) throws IOException {
        Path file = Path.of(System.getProperty("attune.shared", "../shared"))
                .resolve("golden/traces/bert/" + trace + "/adapter_init/adapter_config.json");
        Assumptions.assumeTrue(Files.exists(file), () -> file + " is absent");
        return parse(Files.readString(file));
    }

    @Test
    void readsWhatPeftWrote() throws IOException {
        assertThat(format.read(golden("lora")))
                .isEqualTo(new LoraOptions(4, 8, 0, List.of("value", "query", "intermediate.dense"), false));
        assertThat(format.read(golden("rslora"))).isEqualTo(new LoraOptions(4, 8, 0, List.of("value", "query"), true));
    }

    @Test
    void refusesVariantsThatPeftWrote() throws IOException {
        Map<String, Object> dora = golden("dora");
        assertThatThrownBy(() -> format.read(dora))
                .isInstanceOf(UnsupportedMethod.class)
                .hasMessage("adapter_config.json has use_dora=true, which the adapter lora does not support");
        Map<String, Object> patterns = golden("lora-patterns");
        assertThatThrownBy(() -> format.read(patterns))
                .isInstanceOf(UnsupportedMethod.class)
                .hasMessageContainingAll("alpha_pattern={", "bias=lora_only", "rank_pattern={");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "[query, value] | false",
                "[attention.self.query] | true",
                "[.*layer\\.[01]\\..*] | false",
                "[all-linear] | true"
            })
    void writesWhatItReads(String targets, boolean rslora) {
        List<String> names = List.of(targets.substring(1, targets.length() - 1).split(", "));
        LoraOptions options = new LoraOptions(16, 24.5, 0.05, names, rslora);
        assertThat(format.read(parse(write(options)))).isEqualTo(options);
    }

    private String write(LoraOptions options) {
        try {
            return JSON.writeValueAsString(format.write(options));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void writesPeftsTypes() {
        Map<String, Object> config = format.write(new LoraOptions(8, 16, 0, List.of("query", "value"), false));
        assertThat(config)
                .containsEntry("r", 8)
                .containsEntry("lora_alpha", 16)
                .containsEntry("target_modules", List.of("query", "value"))
                .containsEntry("bias", "none")
                .containsEntry("use_dora", false)
                .containsEntry("init_lora_weights", true);
        assertThat(format.write(new LoraOptions(8, 16, 0, List.of(".*query"), false)))
                .containsEntry("target_modules", ".*query");
    }

    @Test
    void aTextOfLettersIsAPatternForTheWholePath() {
        LoraOptions read = format.read(parse("{\"r\": 2, \"target_modules\": \"query\"}"));
        assertThat(read.targets()).containsExactly("(?:query)"); // not bert.encoder.layer.0.attention.self.query
        assertThat(read.alpha()).isEqualTo(8); // PEFT's default
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"bias\": \"all\"",
                "\"layers_to_transform\": [0, 1]",
                "\"trainable_token_indices\": [5]",
                "\"lora_bias\": true",
                "\"init_lora_weights\": \"pissa\"",
                "\"exclude_modules\": [\"query\"]",
                "\"a_field_of_the_future\": 3",
                "\"r\": 0",
                "\"lora_alpha\": \"many\"",
                "\"target_modules\": null"
            })
    void refusesWhatWouldBeComputedOtherwise(String field) {
        Map<String, Object> config = new HashMap<>(parse("{\"r\": 2, \"target_modules\": [\"query\"]}"));
        config.putAll(parse("{" + field + "}"));
        String name = field.substring(1, field.indexOf('"', 1));
        assertThatThrownBy(() -> format.read(config))
                .isInstanceOf(UnsupportedMethod.class)
                .hasMessageContaining(name + "=" + config.get(name));
    }

    @Test
    void ignoresWhatChangesNothing() {
        Map<String, Object> config = parse("{\"r\": 2, \"target_modules\": [\"query\"], \"peft_version\": \"9\","
                + " \"init_lora_weights\": \"gaussian\", \"fan_in_fan_out\": true, \"qalora_group_size\": 16,"
                + " \"modules_to_save\": [\"classifier\"], \"loftq_config\": {}, \"corda_config\": null}");
        assertThat(format.read(config).rank()).isEqualTo(2);
    }
}
