package org.attune.kernel.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.io.HostTensor;
import org.attune.tensor.io.TensorFile;
import org.attune.tensor.io.TensorFiles;

/**
 * A trained adapter in two files, as Hugging Face PEFT lays them out: {@code adapter_config.json} and
 * {@code adapter_model.safetensors}, float32. What PEFT has no form for is written under the type {@code ATTUNE}.
 *
 * @param config the whole of adapter_config.json
 * @param tensors by our parameter names, without PEFT's prefix, in the order of the file
 */
public record AdapterFolder(Map<String, Object> config, Map<String, Weights> tensors) {
    /** {@code peft_type} of what PEFT cannot read. */
    public static final String ATTUNE = "ATTUNE";

    private static final String CONFIG = "adapter_config.json";
    private static final String MODEL = "adapter_model.safetensors";
    private static final String PREFIX = "base_model.model.";

    private static final ObjectMapper JSON =
            new ObjectMapper().configure(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS, true);
    private static final ObjectWriter PRETTY = JSON.writer(printer());

    /** @param values row-major */
    public record Weights(Shape shape, float[] values) {}

    /**
     * One of several adapters, or one that PEFT lacks.
     *
     * @param options as a spec gives them
     */
    public record Part(String name, Map<String, Object> options) {}

    /**
     * Writes an adapter that PEFT can load.
     *
     * @param parameters everything trained, the head too
     * @param type {@code peft_type}, from {@link org.attune.training.Adapter.PeftFormat#type}
     * @param fields from {@link org.attune.training.Adapter.PeftFormat#write}
     * @param baseModel a name or path, for people and for PEFT's own loaders
     * @param heads paths of the modules that are saved whole, for example {@code classifier}; none for a model without a
     *     classification head
     * @throws UserError if it cannot be written
     */
    public static void writePeft(
            Path folder,
            Map<String, Tensor> parameters,
            String type,
            Map<String, Object> fields,
            String baseModel,
            List<String> heads) {
        Map<String, Object> config = new TreeMap<>(fields);
        config.put("peft_type", type);
        config.put("auto_mapping", null);
        config.put("base_model_name_or_path", baseModel);
        config.put("inference_mode", true);
        config.put("revision", null);
        config.put("task_type", heads.isEmpty() ? null : "SEQ_CLS");
        config.put("modules_to_save", heads.isEmpty() ? null : heads);
        write(folder, config, parameters, PREFIX);
    }

    /**
     * Writes adapters for Attune alone, with parameters under their own names.
     *
     * @throws UserError if it cannot be written
     */
    public static void writeAttune(
            Path folder, Map<String, Tensor> parameters, List<Part> adapters, String baseModel, List<String> heads) {
        Map<String, Object> config = new TreeMap<>();
        config.put("peft_type", ATTUNE);
        config.put("adapters", adapters);
        config.put("base_model_name_or_path", baseModel);
        config.put("modules_to_save", heads);
        write(folder, config, parameters, "");
    }

    private static void write(Path folder, Map<String, Object> config, Map<String, Tensor> parameters, String prefix) {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        parameters.forEach((name, tensor) -> tensors.put(prefix + name, HostTensor.single(tensor)));
        DurableFiles.write(folder.resolve(MODEL), aside -> TensorFiles.write(aside, tensors, Map.of("format", "pt")));
        DurableFiles.write(folder.resolve(CONFIG), aside -> Files.write(aside, PRETTY.writeValueAsBytes(config)));
    }

    /**
     * Reads either form.
     *
     * @throws UserError if a file is missing or wrong
     */
    public static AdapterFolder read(Path folder) {
        Map<String, Object> config = config(folder.resolve(CONFIG));
        Path model = folder.resolve(MODEL);
        if (!Files.exists(model) && Files.exists(folder.resolve("adapter_model.bin"))) {
            throw new UserError(folder + ": holds adapter_model.bin, a pickle, which may run code when it is read;"
                    + " save the adapter as " + MODEL);
        }
        String prefix = config.get("peft_type").equals(ATTUNE) ? "" : PREFIX;
        Map<String, Weights> tensors = new LinkedHashMap<>();
        try (TensorFile file = TensorFile.open(model)) {
            for (String name : file.names()) {
                String ours = name.startsWith(prefix) ? name.substring(prefix.length()) : name;
                if (tensors.put(ours, new Weights(file.shape(name), file.floats(name))) != null) {
                    throw new UserError(model + ": '" + ours + "' is there with the prefix " + PREFIX + " and without");
                }
            }
        }
        return new AdapterFolder(config, tensors);
    }

    private static Map<String, Object> config(Path file) {
        try {
            JsonNode json = JSON.readTree(Files.readAllBytes(file));
            if (!json.path("peft_type").isTextual()) {
                throw new UserError(file + ": not an adapter's configuration, it has no peft_type");
            }
            return JSON.convertValue(json, new TypeReference<LinkedHashMap<String, Object>>() {});
        } catch (JsonProcessingException e) {
            throw new UserError(
                    file + ": not valid JSON at line " + e.getLocation().getLineNr() + ": " + e.getOriginalMessage(),
                    e);
        } catch (IOException e) {
            throw UserError.cannot("read", file, e);
        }
    }

    /** The layout of Python's {@code json.dumps(indent=2)}, so that files can be compared line by line with PEFT's. */
    private static DefaultPrettyPrinter printer() {
        DefaultIndenter indenter = new DefaultIndenter("  ", "\n");
        DefaultPrettyPrinter printer = new DefaultPrettyPrinter(Separators.createDefaultInstance()
                .withObjectFieldValueSpacing(Separators.Spacing.AFTER)
                .withObjectEmptySeparator("")
                .withArrayEmptySeparator(""));
        printer.indentObjectsWith(indenter);
        printer.indentArraysWith(indenter);
        return printer;
    }
}
