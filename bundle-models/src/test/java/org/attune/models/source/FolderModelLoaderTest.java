package org.attune.models.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.models.TinyBert;
import org.attune.plugin.UserError;
import org.attune.tensor.DType;
import org.attune.tensor.io.HostTensor;
import org.attune.tensor.io.TensorFiles;
import org.attune.tensor.reference.ReferenceEngine;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class FolderModelLoaderTest {
    private final ReferenceEngine engine = new ReferenceEngine();

    @TempDir
    private Path folder;

    @Test
    void loadsAFolderRelativeToTheBase() throws Exception {
        TinyBert tiny = new TinyBert();
        tiny.write(folder.resolve("models/tiny"));
        try (Model model = new FolderModelLoader()
                .load("models/tiny", folder, engine, WeightForm.decoded(engine.dtype()))
                .orElseThrow()) {
            assertThat(model.family()).isEqualTo("bert");
            assertThat(model.hiddenSize()).isEqualTo(4);
            assertThat(model.maxLength()).isEqualTo(16);
            assertThat(model.classifierPath()).isEqualTo("classifier");
            assertThat(model.tokenizer().encode("the cat", 16)).containsExactly(2, 5, 6, 3);
            assertThat(model.weights().keySet()).containsExactlyElementsOf(tiny.weights.keySet());
            assertThat(model.weights().get("classifier.weight").shape().dims()).containsExactly(3, 4);
        }
    }

    @Test
    void matricesAreHeldInTheTypeAskedFor() throws Exception {
        new TinyBert().write(folder);
        try (Model model = new FolderModelLoader()
                .load("", folder, engine, WeightForm.decoded(DType.BFLOAT16))
                .orElseThrow()) {
            assertThat(model.weights().values())
                    .allMatch(w -> w.dtype() == (w.shape().rank() == 2 ? DType.BFLOAT16 : engine.dtype()));
        }
    }

    @Test
    void theFilesBesideTheWeightsAreGiven() throws Exception {
        new TinyBert().write(folder);
        Files.writeString(folder.resolve("chat_template.jinja"), "{{ x }}");
        Files.writeString(folder.resolve("training_args.bin"), "");
        assertThat(new FolderModelLoader().files(folder.toString(), folder).orElseThrow())
                .containsOnlyKeys("config.json", "tokenizer.json", "chat_template.jinja");
        assertThat(new FolderModelLoader().files("maven:g:a", folder)).isEmpty();
    }

    @Test
    void closingGivesTheMemoryBack() throws Exception {
        new TinyBert().write(folder);
        long before = engine.stats().liveBytes();
        load().close();
        assertThat(engine.stats().liveBytes()).isEqualTo(before);
    }

    @Test
    void namesOfOtherOriginsAreBroughtToTheFamilys() throws Exception {
        float[] expected;
        new TinyBert().write(folder);
        try (Model model = load()) {
            expected = model.weights().get("bert.embeddings.LayerNorm.weight").toFloats();
        }
        TinyBert bare = new TinyBert()
                .rename("bert.", "")
                .rename("LayerNorm.weight", "LayerNorm.gamma")
                .rename("LayerNorm.bias", "LayerNorm.beta")
                .put("embeddings.position_ids", 1, 16)
                .put("cls.seq_relationship.bias", 2);
        bare.weights.remove("classifier.weight");
        bare.weights.remove("classifier.bias");
        bare.write(folder);
        try (Model model = load()) {
            assertThat(model.weights()).hasSize(23).doesNotContainKey("bert.embeddings.position_ids");
            assertThat(model.weights().keySet()).allMatch(name -> name.startsWith("bert."));
            assertThat(model.weights().get("bert.embeddings.LayerNorm.weight").toFloats())
                    .containsExactly(expected);
        }
    }

    /** As Hugging Face does, which warns too. */
    @Test
    void tensorsOfOtherModelsAreNotLoaded() throws Exception {
        new TinyBert()
                .put("bert.encoder.layer.1.output.dense.bias", 4)
                .put("qa_outputs.bias", 2)
                .write(folder);
        try (Model model = load()) {
            assertThat(model.weights())
                    .hasSize(25)
                    .doesNotContainKeys("bert.encoder.layer.1.output.dense.bias", "qa_outputs.bias");
        }
    }

    @Test
    void theFingerprintFollowsConfigurationAndWeights() throws Exception {
        String first = fingerprint(new TinyBert());
        assertThat(fingerprint(new TinyBert())).isEqualTo(first);
        assertThat(fingerprint(new TinyBert().configure("1e-12", "1e-5"))).isNotEqualTo(first);
        assertThat(fingerprint(new TinyBert().put("bert.pooler.dense.bias", 4))).isNotEqualTo(first);
    }

    @Test
    void otherKindsOfSourceAreLeftToOtherLoaders() {
        assertThat(new FolderModelLoader().load("maven:g:a", folder, engine, WeightForm.decoded(engine.dtype())))
                .isEmpty();
    }

    static Stream<Arguments> unsupported() {
        return Stream.of(
                spoilt("/config.json: vocab_size is missing", t -> t.configure("\"vocab_size\": 8,", "")),
                spoilt(
                        "/config.json: vocab_size is \"8\", expected a whole number from 1 to 16777216",
                        t -> t.configure("\"vocab_size\": 8", "\"vocab_size\": \"8\"")),
                spoilt(
                        "/config.json: num_hidden_layers is 0, expected a whole number from 1 to 1000",
                        t -> t.configure("\"num_hidden_layers\": 1", "\"num_hidden_layers\": 0")),
                spoilt(
                        "/config.json: hidden_dropout_prob is 1.5, expected a number from 0.0 and below 1.0",
                        t -> t.configure("\"hidden_dropout_prob\": 0.1", "\"hidden_dropout_prob\": 1.5")),
                spoilt(
                        "/config.json: num_attention_heads is 3, expected a divisor of hidden_size, 4",
                        t -> t.configure("\"num_attention_heads\": 2", "\"num_attention_heads\": 3")),
                spoilt(
                        "/config.json: hidden_act is \"quick_gelu\", expected one of "
                                + "gelu, gelu_new, gelu_pytorch_tanh, relu, silu, swish, tanh",
                        t -> t.configure("\"gelu\"", "\"quick_gelu\"")),
                spoilt(
                        "/config.json: model_type is \"xlnet\", expected one of the supported: bert, distilbert, gemma2, "
                                + "gemma3_text, gpt2, llama, mistral, qwen2, qwen3, roberta",
                        t -> t.configure("\"bert\"", "\"xlnet\"")),
                spoilt(
                        "/config.json: position_embedding_type is \"relative_key\", which is not supported; "
                                + "only 'absolute' is",
                        t -> t.configure("{\"model", "{\"position_embedding_type\": \"relative_key\", \"model")),
                spoilt(
                        "/config.json: is_decoder is true, which is not supported; only models without it are",
                        t -> t.configure("\"is_decoder\": false", "\"is_decoder\": true")),
                spoilt(
                        "/config.json: quantization_config is {\"bits\":4}, which is not supported; "
                                + "only models without it are",
                        t -> t.configure("{\"model", "{\"quantization_config\": {\"bits\": 4}, \"model")),
                spoilt("/config.json: expected a JSON object", t -> t.config = "[]"),
                spoilt(
                        "/model.safetensors: no tensor for 1 of the model's weights: bert.pooler.dense.weight",
                        t -> t.weights.remove("bert.pooler.dense.weight")),
                spoilt(
                        "/model.safetensors: tensor 'bert.encoder.layer.0.intermediate.dense.weight' has shape [4, 6], "
                                + "expected [6, 4] by the configuration",
                        t -> t.put("bert.encoder.layer.0.intermediate.dense.weight", 4, 6)),
                spoilt(
                        "/model.safetensors: tensor 'classifier.weight' has shape [3, 5], expected [labels, 4]",
                        t -> t.put("classifier.weight", 3, 5)),
                spoilt(
                        "/model.safetensors: two tensors are the weight 'bert.pooler.dense.bias'",
                        t -> t.put("pooler.dense.bias", 4)),
                spoilt(
                        "/tokenizer.json: ids up to 7, but the model's vocab_size is 6",
                        t -> t.configure("\"vocab_size\": 8", "\"vocab_size\": 6")
                                .put("bert.embeddings.word_embeddings.weight", 6, 4)));
    }

    private static Arguments spoilt(String message, Consumer<TinyBert> spoil) {
        return Arguments.of(message, spoil);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource
    void unsupported(String message, Consumer<TinyBert> spoil) throws Exception {
        TinyBert tiny = new TinyBert();
        spoil.accept(tiny);
        tiny.write(folder);
        refused(folder + message);
    }

    @Test
    void whatIsMissingIsNamed() throws Exception {
        assertThatThrownBy(() ->
                        new FolderModelLoader().load("nowhere", folder, engine, WeightForm.decoded(engine.dtype())))
                .isInstanceOf(UserError.class)
                .hasMessage(folder.resolve("nowhere")
                        + ": no such folder; expected a Hugging Face folder, a GGUF file, hf:org/name or"
                        + " maven:group:artifact");
        refused(folder + ": no config.json, so this is no Hugging Face model");
        new TinyBert().write(folder);
        Files.delete(folder.resolve("tokenizer.json"));
        refused(folder + ": no tokenizer.json, and no other form is read; "
                + "save_pretrained of a fast tokenizer writes it");
        new TinyBert().write(folder);
        Files.delete(folder.resolve("model.safetensors"));
        refused(folder + ": no model.safetensors");
        Files.createFile(folder.resolve("pytorch_model.bin"));
        refused(folder + ": there is pytorch_model.bin, which may hold code; save the model again as safetensors");
    }

    @Test
    void weightsSharedOutOverFilesAreTheSame() throws Exception {
        TinyBert tiny = new TinyBert();
        tiny.write(folder);
        Map<String, double[]> whole = new LinkedHashMap<>();
        try (Model model = load()) {
            model.weights().forEach((name, weight) -> whole.put(name, weight.toDoubles()));
        }
        shareOut(tiny);
        try (Model model = load()) {
            assertThat(model.weights())
                    .hasSameSizeAs(whole)
                    .allSatisfy((name, weight) -> assertThat(weight.toDoubles()).containsExactly(whole.get(name)));
        }
    }

    @Test
    void whatIsWrongWithSharedOutWeightsIsNamed() throws Exception {
        TinyBert tiny = new TinyBert();
        tiny.write(folder);
        shareOut(tiny);
        Path index = folder.resolve("model.safetensors.index.json");
        String right = Files.readString(index);
        Files.writeString(index, "{}");
        refused(index + ": weight_map is missing");
        Files.writeString(index, right.replaceFirst("model-1.safetensors", "../model-1.safetensors"));
        assertThatThrownBy(this::load)
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(index + ": in weight_map: ")
                .hasMessageEndingWith("expected the name of a safetensors file in the same folder");
        Files.writeString(index, right.replaceFirst("\\{\"weight_map\":\\{", "$0\"more\":\"model-1.safetensors\","));
        refused(folder.resolve("model-1.safetensors")
                + ": no tensor 'more', which model.safetensors.index.json says is in it");
        Files.writeString(index, right);
        Files.delete(folder.resolve("model-2.safetensors"));
        refused(folder.resolve("model-2.safetensors") + ": cannot read: no such file or folder");
    }

    /** In turn over two files, with an index, in place of the one. */
    private void shareOut(TinyBert tiny) throws Exception {
        List<Map<String, HostTensor>> shards = List.of(new LinkedHashMap<>(), new LinkedHashMap<>());
        ObjectNode index = new ObjectMapper().createObjectNode();
        ObjectNode map = index.putObject("weight_map");
        int i = 0;
        for (Map.Entry<String, HostTensor> weight : tiny.weights.entrySet()) {
            shards.get(i % 2).put(weight.getKey(), weight.getValue());
            map.put(weight.getKey(), "model-" + (i % 2 + 1) + ".safetensors");
            i++;
        }
        TensorFiles.write(folder.resolve("model-1.safetensors"), shards.get(0), Map.of());
        TensorFiles.write(folder.resolve("model-2.safetensors"), shards.get(1), Map.of());
        Files.delete(folder.resolve("model.safetensors"));
        Files.writeString(folder.resolve("model.safetensors.index.json"), index.toString());
    }

    @Test
    void aBrokenConfigurationIsNamedWithItsLine() throws Exception {
        TinyBert tiny = new TinyBert();
        tiny.config = "{\n\"model_type\": bert}";
        tiny.write(folder);
        assertThatThrownBy(this::load)
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(folder.resolve("config.json") + ":2: is not JSON: ");
    }

    private void refused(String message) {
        long before = engine.stats().liveBytes();
        assertThatThrownBy(this::load).isInstanceOf(UserError.class).hasMessage(message);
        assertThat(engine.stats().liveBytes()).isEqualTo(before);
    }

    private String fingerprint(TinyBert tiny) throws Exception {
        tiny.write(folder);
        try (Model model = load()) {
            return model.fingerprint();
        }
    }

    private Model load() {
        return new FolderModelLoader()
                .load(folder.toString(), Path.of(""), engine, WeightForm.decoded(engine.dtype()))
                .orElseThrow();
    }
}
