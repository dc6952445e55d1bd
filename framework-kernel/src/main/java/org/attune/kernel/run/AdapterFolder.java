package org.attune.kernel.run;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.attune.kernel.spec.AdapterScope;
import org.attune.kernel.spec.PluginRef;
import org.attune.model.Model;
import org.attune.plugin.UserError;
import org.attune.tensor.Tensor;
import org.attune.tensor.io.HostTensor;
import org.attune.tensor.io.TensorFile;
import org.attune.tensor.io.TensorFiles;
import org.attune.training.Weighting;

/**
 * A trained adapter in two files, as Hugging Face PEFT lays them out: {@code adapter_config.json} and
 * {@code adapter_model.safetensors}, float32. What PEFT has no form for is written under the type {@code ATTUNE}.
 *
 * @param config the whole of adapter_config.json
 * @param tensors by our parameter names ({@link PeftNames}), in the order of the file
 */
public record AdapterFolder(Map<String, Object> config, Map<String, Weighting.Values> tensors) {
    /** {@code peft_type} of what PEFT cannot read. */
    public static final String ATTUNE = "ATTUNE";

    private static final String MERGED = "merged";
    private static final String CONFIG = "adapter_config.json";
    private static final String LABELS = "labels.json";
    private static final String MODEL = "adapter_model.safetensors";

    /** Keys of mappings stay in their order: of PEFT's patterns the first that fits counts. */
    private static final ObjectMapper JSON = new ObjectMapper();

    private static final ObjectWriter PRETTY = JSON.writer(printer());

    private static double[] doubles(Weighting.Values tensor, boolean transposed) {
        float[] elements = tensor.elements();
        double[] doubles = new double[elements.length];
        int columns = transposed ? tensor.shape().dim(-1) : 1;
        int rows = elements.length / Math.max(1, columns);
        Arrays.setAll(doubles, i -> elements[transposed ? i % rows * columns + i / rows : i]);
        return doubles;
    }

    /**
     * One of several adapters, or one that PEFT lacks.
     *
     * @param name of the plug-in
     * @param as its own name; null for none
     * @param active false where it is switched off; else null
     * @param options as a spec gives them
     */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    public record Part(String name, String as, Boolean active, Map<String, Object> options) {
        /** @param options with all defaults */
        public static Part of(PluginRef ref, Map<String, Object> options) {
            return new Part(ref.name(), ref.as().isEmpty() ? null : ref.as(), ref.active() ? null : false, options);
        }

        /** The plug-in with its options. */
        public PluginRef ref() {
            PluginRef plain = PluginRef.named(name).withOptions(options);
            return new PluginRef(
                    name, plain.version(), plain.options(), Map.of(), as == null ? "" : as, active == null || active);
        }
    }

    /**
     * How a method writes itself in PEFT's format ({@link org.attune.training.Adapter.PeftFormat}).
     *
     * @param type {@code peft_type}
     * @param tensors everything that is written, the head too
     * @param naming from a parameter's name to that in files
     */
    public record PeftForm(
            String type, Map<String, Object> fields, Map<String, Tensor> tensors, UnaryOperator<String> naming) {}

    /**
     * The base model that an adapter belongs to.
     *
     * @param name a name on a hub, or a path, for people and for PEFT's own loaders
     * @param revision on the hub; null for its default
     * @param weights whether a name is that of one of the model's weights
     * @param transposed whether the model's files hold the transpose of a weight
     */
    public record Base(String name, String revision, Predicate<String> weights, Predicate<String> transposed) {
        private static final Pattern HUB = Pattern.compile("hf:([^@]+)(?:@(.+))?");

        /** @param source as {@link org.attune.kernel.plugins.ModelPool.Lease#source} gives it */
        public static Base of(String source, Model model) {
            Matcher hub = HUB.matcher(source);
            return new Base(
                    hub.matches() ? hub.group(1) : source,
                    hub.matches() ? hub.group(2) : null,
                    model.weights()::containsKey,
                    model::transposedInFiles);
        }
    }

    /**
     * Writes an adapter that PEFT can load.
     *
     * @param form how its method writes itself
     * @param task {@code task_type}; empty where PEFT has no word for it
     * @param heads paths of the modules that the trainer has trained, for example {@code classifier}
     * @throws UserError if it cannot be written
     */
    public static void writePeft(Path folder, PeftForm form, Base base, Optional<String> task, List<String> heads) {
        Map<String, Object> config = new TreeMap<>(form.fields());
        config.put("peft_type", form.type());
        config.put("auto_mapping", null);
        config.put("base_model_name_or_path", base.name());
        config.put("inference_mode", true);
        config.put("revision", base.revision());
        config.put("task_type", task.orElse(null));
        List<Object> whole =
                new ArrayList<>(form.fields().get("modules_to_save") instanceof List<?> list ? list : List.of());
        heads.stream().filter(head -> !whole.contains(head)).forEach(whole::add);
        config.put("modules_to_save", whole.isEmpty() ? null : whole);
        Map<String, Tensor> tensors = form.tensors();
        PeftNames names = PeftNames.of(form.type());
        write(
                folder,
                config,
                tensors,
                base,
                name -> names.inFile(form.naming().apply(name), tensors.keySet(), base.weights()));
    }

    /**
     * Writes adapters for Attune alone, with parameters under their own names.
     *
     * @param merged those parameters that are weights of the base model which no adapter trains
     * @throws UserError if it cannot be written
     */
    public static void writeAttune(
            Path folder,
            Map<String, Tensor> parameters,
            List<Part> adapters,
            Collection<String> merged,
            Base base,
            List<String> heads) {
        Map<String, Object> config = new TreeMap<>();
        config.put("peft_type", ATTUNE);
        config.put("adapters", adapters);
        if (!merged.isEmpty()) {
            config.put(MERGED, merged);
        }
        config.put("base_model_name_or_path", base.name());
        config.put("revision", base.revision());
        config.put("modules_to_save", heads);
        // In the order of names: that of claims depends on where a run that has changed its method was resumed.
        write(folder, config, new TreeMap<>(parameters), base, name -> name);
    }

    /**
     * Writes a saved adapter in PEFT's form again, changed without its base model at hand.
     *
     * @throws UserError if it cannot be written
     */
    public void write(Path folder) {
        PeftNames names = PeftNames.of(config.get("peft_type"));
        Map<String, HostTensor> inFile = new LinkedHashMap<>();
        tensors.forEach((name, t) ->
                inFile.put(names.inFile(name, tensors.keySet(), of -> false), HostTensor.of(t.shape(), t.elements())));
        write(folder, config, inFile);
    }

    private static void write(
            Path folder,
            Map<String, Object> config,
            Map<String, Tensor> parameters,
            Base base,
            UnaryOperator<String> naming) {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        parameters.forEach((name, tensor) -> tensors.put(
                naming.apply(name),
                base.transposed().test(name) ? HostTensor.transposed(tensor) : HostTensor.single(tensor)));
        write(folder, config, tensors);
    }

    private static void write(Path folder, Map<String, Object> config, Map<String, HostTensor> tensors) {
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
        PeftNames names = PeftNames.of(config.get("peft_type"));
        Map<String, Weighting.Values> tensors = new LinkedHashMap<>();
        try (TensorFile file = TensorFile.open(model)) {
            for (String name : file.names()) {
                names.ours(name).filter(ours -> file.shape(name).size() > 0).ifPresent(ours -> {
                    if (tensors.put(ours, new Weighting.Values(file.shape(name), file.floats(name))) != null) {
                        throw new UserError(model + ": two tensors are '" + ours + "'");
                    }
                });
            }
        }
        return new AdapterFolder(config, tensors);
    }

    /** Whether it is of our own form, in which parameters have the names that they had in the trial. */
    public boolean isOurs() {
        return ATTUNE.equals(config.get("peft_type"));
    }

    /**
     * The adapters of a folder of our own form.
     *
     * @throws UserError if the configuration does not list any
     */
    public List<Part> parts() {
        try {
            return JSON.convertValue(config.getOrDefault("adapters", List.of()), new TypeReference<List<Part>>() {});
        } catch (IllegalArgumentException e) {
            throw new UserError(
                    "adapters in " + CONFIG + ": expected a name and options each, found " + config.get("adapters"), e);
        }
    }

    /** The tensors that are weights of the base model as an earlier method of the run has left them. */
    public List<String> merged() {
        return config.get(MERGED) instanceof List<?> names
                ? names.stream().map(String::valueOf).toList()
                : List.of();
    }

    /** Identifies the values of a saved adapter: the SHA-256 of their file. */
    public static String fingerprint(Path folder) {
        try {
            return "sha256:" + Sha256.of(folder.resolve(MODEL));
        } catch (IOException e) {
            throw UserError.cannot("read", folder.resolve(MODEL), e);
        }
    }

    /** Writes the names of a head's classes beside an adapter, in order of class number. */
    public static void writeLabels(Path folder, List<String> labels) {
        DurableFiles.write(folder.resolve(LABELS), aside -> Files.write(aside, PRETTY.writeValueAsBytes(labels)));
    }

    /** The names of the classes of an adapter's head; empty where it does not say. */
    public static Optional<List<String>> labels(Path folder) {
        Path file = folder.resolve(LABELS);
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try {
            return Optional.of(JSON.readValue(file.toFile(), new TypeReference<List<String>>() {}));
        } catch (IOException e) {
            throw UserError.cannot("read", file, e);
        }
    }

    /** The elements of all tensors as {@code model} lays them out. */
    public Map<String, double[]> values(Model model) {
        return values(model, AdapterScope.PLAIN);
    }

    /**
     * As above.
     *
     * @param scope of the adapter in a trial; in a folder of our own form all have theirs already
     */
    public Map<String, double[]> values(Model model, AdapterScope scope) {
        Map<String, double[]> values = new LinkedHashMap<>();
        tensors.forEach((name, t) -> values.put(
                isOurs() || isModels(name, model) ? name : scope.in(name), doubles(t, model.transposedInFiles(name))));
        return values;
    }

    /** Whether a tensor is a weight of the base model or of its head, and no adapter's own. */
    private static boolean isModels(String name, Model model) {
        return model.weights().containsKey(name) || inHead(name, model);
    }

    /** Whether a tensor belongs to the model's head for classes. */
    public static boolean inHead(String name, Model model) {
        return model.classifierPaths().stream().anyMatch(path -> name.startsWith(path + "."));
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
