package org.attune.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.model.Model;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.training.Adapter.UnsupportedMethod;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LoraFormatTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Model MODEL = new TinyModel(new ReferenceEngine());

    private final LoraFormat format = new LoraFormat("lora");

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
    }

    @Test
    void readsPatternsAndBiasesThatPeftWrote() throws IOException {
        LoraOptions read = format.read(golden("lora-patterns"));
        assertThat(read.rank("bert.encoder.layer.0.attention.self.query")).isEqualTo(6);
        assertThat(read.rank("bert.encoder.layer.1.attention.self.query")).isEqualTo(4);
        assertThat(read.rank("bert.encoder.layer.1.attention.self.value")).isEqualTo(2);
        assertThat(read.scale("bert.encoder.layer.0.attention.self.value")).isEqualTo(10 / 2.0);
        assertThat(read.scale("bert.encoder.layer.1.attention.self.value")).isEqualTo(8 / 2.0);
        assertThat(read.bias()).isEqualTo(LoraOptions.Bias.LORA_ONLY);
        assertThat(read.selection().modulesToSave()).isEmpty(); // the heads are the trainer's
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
        Map<String, Integer> ranks = new LinkedHashMap<>();
        ranks.put("value", 2);
        ranks.put("layer\\.0\\..*", 4);
        LoraOptions options = new LoraOptions(
                16,
                24.5,
                0.05,
                names,
                rslora,
                new Selection(List.of(".*\\.key"), List.of(0, 3), List.of("layer"), List.of("pooler.dense")),
                ranks,
                Map.of("value", 7.5),
                LoraOptions.Start.GAUSSIAN,
                LoraOptions.Bias.ALL,
                1,
                EvaOptions.DEFAULT);
        assertThat(format.read(parse(write(options)))).isEqualTo(options);
    }

    private String write(LoraOptions options) {
        try {
            return JSON.writeValueAsString(format.write(options, MODEL));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void writesPeftsTypes() {
        Map<String, Object> config = format.write(new LoraOptions(8, 16, 0, List.of("query", "value"), false), MODEL);
        assertThat(config)
                .containsEntry("r", 8)
                .containsEntry("lora_alpha", 16)
                .containsEntry("target_modules", List.of("query", "value"))
                .containsEntry("bias", "none")
                .containsEntry("use_dora", false)
                .containsEntry("init_lora_weights", true);
        assertThat(format.write(new LoraOptions(8, 16, 0, List.of(".*query"), false), MODEL))
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
                "\"bias\": \"some\"",
                "\"layers_to_transform\": [-1]",
                "\"rank_pattern\": {\"query\": 0}",
                "\"alpha_pattern\": [3]",
                "\"use_dora\": true",
                "\"trainable_token_indices\": [5]",
                "\"lora_bias\": true",
                "\"init_lora_weights\": \"pissa_niter_4\"",
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
