package org.attune.models.gguf;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.attune.model.Model;
import org.attune.model.ModelExporter;
import org.attune.models.ModelConfig;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.osgi.service.component.annotations.Component;

/**
 * Writes decoder models as GGUF files by llama.cpp's rules: names and metadata of its converter, matrices in the type asked for,
 * vectors and position embeddings in F32, the rows of Llama's query and key maps in the order of interleaved rotary pairs, the weights
 * of Gemma's norms with the 1 that the model adds.
 */
@Component
@AttunePlugin(name = "gguf", description = "models as GGUF files, F16 or Q8_0")
public final class GgufExporter implements ModelExporter {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<GgufEncoding> TYPES = List.of(GgufEncoding.F16, GgufEncoding.Q8_0);
    /** Numbers of {@code general.file_type}. */
    private static final Map<GgufEncoding, Integer> FILE_TYPES = Map.of(GgufEncoding.F16, 1, GgufEncoding.Q8_0, 7);

    @Override
    public String format() {
        return "gguf";
    }

    @Override
    public List<String> types() {
        return TYPES.stream().map(t -> t.name().toLowerCase(Locale.ROOT)).toList();
    }

    @Override
    public void export(Model model, String name, Map<String, byte[]> files, String type, Path file) {
        GgufEncoding encoding = TYPES.stream()
                .filter(t -> t.name().equalsIgnoreCase(type))
                .findFirst()
                .orElseThrow(() -> new UserError("gguf has no type '" + type + "'; it has " + types()));
        JsonNode card = json("config.json", files);
        ModelConfig config = ModelConfig.parse("config.json", files.get("config.json"));
        GgufLayout layout = GgufLayout.of(model.family());
        GgufWriter out = new GgufWriter()
                .text("general.architecture", layout.name())
                .text("general.type", "model")
                .text("general.name", name)
                .whole("general.file_type", FILE_TYPES.get(encoding));
        if (encoding == GgufEncoding.Q8_0) {
            out.whole("general.quantization_version", 2);
        }
        layout.keys().put(out, layout.name() + ".", config);
        int vocabulary = 0;
        for (Map.Entry<String, Tensor> weight : model.weights().entrySet()) {
            String gguf = layout.reading()
                    .names()
                    .gguf(weight.getKey())
                    .orElseThrow(() -> new UserError(
                            "'" + weight.getKey() + "' has no place in a GGUF file of a " + model.family() + " model"));
            if (gguf.equals(GgufLayout.TOKENS)) {
                vocabulary = weight.getValue().shape().dim(0);
            }
            add(
                    out,
                    gguf,
                    weight.getValue(),
                    encoding,
                    inFile(gguf, weight.getValue().shape(), layout, config));
        }
        GgufVocabulary.put(out, json("tokenizer.json", files), card, vocabulary);
        chatTemplate(files).ifPresent(template -> out.text("tokenizer.chat_template", template));
        out.write(file);
    }

    private static void add(
            GgufWriter out, String name, Tensor weight, GgufEncoding encoding, UnaryOperator<float[]> inFile) {
        Shape shape = weight.shape();
        out.tensor(name, shape, fitting(name, shape, encoding), () -> inFile.apply(weight.toFloats()));
    }

    /** Makes of a tensor's elements those that stand in the file. */
    private static UnaryOperator<float[]> inFile(String name, Shape shape, GgufLayout layout, ModelConfig config) {
        int heads = layout.interleavedHeads(name, config);
        float offset = layout.reading().offset(name);
        return elements -> {
            for (int i = 0; offset != 0 && i < elements.length; i++) {
                elements[i] += offset;
            }
            return heads == 0 ? elements : interleaved(elements, shape, heads);
        };
    }

    private static GgufEncoding fitting(String name, Shape shape, GgufEncoding wanted) {
        if (shape.rank() == 1 || name.equals(GgufLayout.POSITIONS)) {
            return GgufEncoding.F32;
        }
        return shape.dim(-1) % wanted.blockSize() == 0 ? wanted : GgufEncoding.F16;
    }

    /** Of each head the rows i and i + headSize / 2 stand one after the other. */
    private static float[] interleaved(float[] elements, Shape shape, int heads) {
        int columns = elements.length / shape.dim(0);
        int half = shape.dim(0) / heads / 2;
        float[] pairs = new float[elements.length];
        for (int row = 0; row < shape.dim(0); row++) {
            int head = row / (2 * half);
            int within = row % (2 * half);
            int from = head * 2 * half + within % 2 * half + within / 2;
            System.arraycopy(elements, from * columns, pairs, row * columns, columns);
        }
        return pairs;
    }

    private static Optional<String> chatTemplate(Map<String, byte[]> files) {
        if (files.containsKey("chat_template.jinja")) {
            return Optional.of(new String(files.get("chat_template.jinja"), StandardCharsets.UTF_8));
        }
        JsonNode template = files.containsKey("tokenizer_config.json")
                ? json("tokenizer_config.json", files).path("chat_template")
                : JSON.missingNode();
        return Optional.of(template).filter(JsonNode::isTextual).map(JsonNode::asText);
    }

    private static JsonNode json(String name, Map<String, byte[]> files) {
        if (!files.containsKey(name)) {
            throw new UserError("the model has no " + name + ", which a GGUF file is made with");
        }
        try {
            return JSON.readTree(files.get(name));
        } catch (IOException e) {
            throw new UserError(name + ": is not JSON: " + e.getMessage(), e);
        }
    }
}
