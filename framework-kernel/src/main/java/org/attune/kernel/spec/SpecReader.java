package org.attune.kernel.spec;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.attune.model.Weights;
import org.attune.plugin.NoOptions;
import org.attune.plugin.Option;
import org.attune.plugin.UserError;
import org.attune.tensor.DType;

/** Reads a spec from YAML, applies overrides, checks it and fills in what it leaves out. */
public final class SpecReader {
    private static final int LARGEST_FILE = 1 << 20;
    private static final List<String> KEYS = List.of(
            "name",
            "seed",
            "threads",
            "engine",
            "precision",
            "weights",
            "model",
            "data",
            "trainer",
            "adapters",
            "regularizers",
            "sampler",
            "optimizer",
            "schedule",
            "train",
            "average",
            "cache",
            "evaluate",
            "early_stopping",
            "checkpoint",
            "baselines",
            "base",
            "output");
    /** Of an adapter: the folder that it begins from. */
    static final String FROM = "from";
    /** Of an adapter: its own name in the trial. */
    static final String AS = "as";
    /** Of an adapter: whether it acts. */
    static final String ACTIVE = "active";

    static final Pattern NAME = Pattern.compile("[\\p{L}\\p{N}][\\p{L}\\p{N}._-]{0,99}");

    private static final Pattern PLUGIN = Pattern.compile("([^\\s@]{1,100})(?:@([^\\s@]{1,100}))?");

    /** One letter alone is a Windows drive. */
    private static final Pattern SCHEME = Pattern.compile("[a-z][a-z0-9+.-]+:.*");

    private final OptionBinder binder = new OptionBinder();

    /** The keys of a spec that hold a single value. */
    private record Basics(
            @Option(value = "names the run folder; the file's own name if empty", defaults = "")
            String name,

            @Option(value = "of everything random", defaults = "0")
            long seed,

            @Option(value = "worker threads; 0 for one a processor", defaults = "0", min = 0, max = 1024)
            int threads,

            @Option(value = "the tensor engine; the fastest that runs here if empty", defaults = "")
            String engine,

            @Option(value = "what becomes of matrices in a GGUF file's blocks: decoded, or kept", defaults = "decoded")
            Weights weights,

            @Option("where the base model comes from: a folder, hf:org/name or maven:group:artifact:version")
            String model,

            @Option(value = "the folder that relative paths start from; the spec's own if empty", defaults = "")
            Path base,

            @Option(value = "the folder for run folders, from the current one", defaults = "runs")
            String output) {}

    private record Evaluation(
            @Option(value = "which split; empty for none", defaults = "test")
            String split,

            @Option(value = "optimiser steps between evaluations; 0 for only at the end", defaults = "0", min = 0)
            long every) {}

    /**
     * The spec in a file.
     *
     * @param file as the user gave it: errors name it so
     * @param overrides YAML values by dotted key ({@code train.batch}, {@code adapters.0.rank}), applied in order
     * @throws UserError with {@code file:line} or {@code --set key} if something in it is wrong
     */
    public TrialSpec read(Path file, Map<String, String> overrides) {
        return spec((SpecNode.Fields) Overrides.apply(written(file), overrides), file.toAbsolutePath());
    }

    /** What a file says, not yet checked. */
    static SpecNode.Fields written(Path file) {
        SpecNode written = YamlText.parse(text(file), file.toString(), line -> file + ":" + line)
                .orElseThrow(() -> new UserError(
                        file + ": the file is empty, expected at least the keys model, data and trainer"));
        if (written instanceof SpecNode.Fields fields) {
            return fields;
        }
        throw new UserError(
                written.place() + ": expected keys with values, such as 'seed: 0', found " + written.found());
    }

    private static String text(Path file) {
        try {
            if (Files.isDirectory(file)) {
                throw new UserError(file + ": is a folder, expected a YAML file");
            }
            byte[] bytes = bytes(file);
            if (bytes.length > LARGEST_FILE) {
                throw new UserError(file + ": is larger than 1 MiB, expected a spec of a few dozen lines");
            }
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
            return text.startsWith("\uFEFF") ? text.substring(1) : text;
        } catch (NoSuchFileException e) {
            throw new UserError(file + ": no such file", e);
        } catch (AccessDeniedException e) {
            throw new UserError(file + ": may not be read, check its permissions", e);
        } catch (CharacterCodingException e) {
            throw new UserError(file + ": is not UTF-8 text, expected a YAML file", e);
        } catch (IOException e) {
            throw new UserError(file + ": cannot be read: " + Quote.oneLine(String.valueOf(e.getMessage())), e);
        }
    }

    /** One byte more than allowed at most: the file may be a pipe or device, whose size nobody knows. */
    private static byte[] bytes(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return in.readNBytes(LARGEST_FILE + 1);
        }
    }

    /** @param file absolute; relative paths start from its folder */
    TrialSpec spec(SpecNode.Fields written, Path file) {
        Path folder = file.getParent().normalize();
        boolean makesModel = written.fields().get("model") instanceof SpecNode.Fields;
        SpecNode.Fields spec =
                makesModel ? written.with("model", new SpecNode.Scalar("new:", written.place())) : written;
        Basics basics = binder.bind(
                spec, Basics.class, folder, new OptionBinder.Subject("", "unknown key ", "Known keys", KEYS));
        Path base = basics.base == null ? folder : basics.base;
        Optional<ModelPlan> newModel = newModel(written);
        if (newModel.isPresent() && basics.weights != Weights.DECODED) {
            throw new UserError(
                    spec.fields().get("weights").place()
                            + ": weights: a new model is trained as a whole, so that nothing stays in blocks; leave the key out");
        }
        Optimizer optimizer = (Optimizer) kind(spec, "optimizer", Optimizer.KINDS);
        return new TrialSpec(
                name(basics.name, spec, file),
                basics.seed,
                basics.threads,
                basics.engine,
                given(spec, "precision").map(SpecReader::precision),
                basics.weights,
                newModel.isPresent() ? "" : model(basics.model, spec, base),
                newModel,
                required(spec, "data"),
                required(spec, "trainer"),
                adapters(spec, base),
                plugins(spec, "regularizers", "regularizers", List.of()),
                sampler(spec),
                optimizer,
                schedule(spec, optimizer),
                train(spec),
                given(spec, "average").map(node -> (Averaging) kind(spec, "average", Averaging.KINDS)),
                cache(spec),
                evaluate(spec),
                given(spec, "early_stopping")
                        .map(node -> section(spec, "early_stopping", TrialSpec.EarlyStopping.class)),
                section(spec, "checkpoint", TrialSpec.Checkpoint.class),
                plugins(spec, "baselines", "baselines", List.of()),
                base,
                path(basics.output, "output", spec, Path.of("")));
    }

    private static String name(String name, SpecNode.Fields spec, Path file) {
        if (name.isEmpty()) {
            String own = file.getFileName().toString().replaceFirst("(?<=.)\\.ya?ml$", "");
            String safe = own.replaceAll("[^\\p{L}\\p{N}._-]+", "-").replaceFirst("^[._-]+", "");
            return safe.isEmpty() ? "trial" : safe.substring(0, Math.min(safe.length(), 100));
        }
        if (!NAME.matcher(name).matches()) {
            throw new UserError(spec.fields().get("name").place()
                    + ": name: expected up to 100 letters, digits, '.', '_' or '-' (it names a folder), found "
                    + Quote.of(name));
        }
        return name;
    }

    private Optional<ModelPlan> newModel(SpecNode.Fields spec) {
        if (!(spec.fields().get("model") instanceof SpecNode.Fields model)) {
            return Optional.empty();
        }
        for (String key : List.of("new", "tokenizer")) {
            if (!(model.fields().get(key) instanceof SpecNode.Fields)) {
                throw new UserError(model.place() + ": model: expected where a model comes from, or a mapping such as"
                        + " '{new: {model_type: llama, ...}, tokenizer: {vocabulary: 4096}}'");
            }
        }
        binder.bind(
                model,
                NoOptions.class,
                Path.of(""),
                new OptionBinder.Subject("model.", "model: unknown key ", "Known keys", List.of("new", "tokenizer")));
        return Optional.of(new ModelPlan(
                (SpecNode.Fields) model.fields().get("new"),
                section(
                        (SpecNode.Fields) model.fields().get("tokenizer"),
                        "model.tokenizer",
                        ModelPlan.Tokenizer.class,
                        List.of())));
    }

    private static String model(String model, SpecNode.Fields spec, Path base) {
        if (model.isBlank()) {
            throw new UserError(spec.fields().get("model").place()
                    + ": model: expected a folder, hf:org/name or maven:group:artifact:version, found "
                    + Quote.of(model));
        }
        return SCHEME.matcher(model).matches()
                ? model
                : path(model, "model", spec, base).toString();
    }

    private static Path path(String text, String key, SpecNode.Fields spec, Path base) {
        try {
            return base.resolve(text).toAbsolutePath().normalize();
        } catch (InvalidPathException e) {
            throw new UserError(
                    spec.fields().get(key).place() + ": " + key + ": expected a path, found " + Quote.of(text), e);
        }
    }

    private static DType precision(SpecNode node) {
        ValueType types = ValueType.of(DType.class, Path.of(""));
        if (node instanceof SpecNode.Scalar scalar && types.parse().apply(scalar.value()) instanceof DType type) {
            return type;
        }
        throw new UserError(node.place() + ": precision: expected " + types.expected() + ", found " + node.found());
    }

    /** A section whose keys depend on its name. */
    private Record kind(SpecNode.Fields spec, String key, Map<String, Class<? extends Record>> kinds) {
        SpecNode.Fields fields = named(spec, key);
        SpecNode name = given(fields, "name")
                .orElseGet(() -> SpecNode.of(kinds.keySet().iterator().next(), ""));
        Class<? extends Record> type = name instanceof SpecNode.Scalar text ? kinds.get(text.value()) : null;
        if (type == null) {
            throw new UserError("%s: %s.name: expected one of %s, found %s"
                    .formatted(name.place(), key, String.join(", ", kinds.keySet()), name.found()));
        }
        return section(fields, key, type, List.of("name"));
    }

    private Schedule schedule(SpecNode.Fields spec, Optimizer optimizer) {
        Schedule schedule = (Schedule) kind(spec, "schedule", Schedule.KINDS);
        if (schedule instanceof Schedule.OneCycle cycle && cycle.cycleMomentum() && !optimizer.hasMomentum()) {
            throw new UserError(spec.fields().get("schedule").place()
                    + ": schedule: one-cycle moves the optimiser's momentum, of which there is none; give it one above 0,"
                    + " or set cycle_momentum: false");
        }
        return schedule;
    }

    private TrialSpec.Train train(SpecNode.Fields spec) {
        TrialSpec.Train given = section(spec, "train", TrialSpec.Train.class);
        return given.lanes() > 0 ? given : given.withLanes(Runtime.getRuntime().availableProcessors());
    }

    private TrialSpec.Cache cache(SpecNode.Fields spec) {
        return given(spec, "cache").orElse(null) instanceof SpecNode.Scalar word
                        && word.value().equals("off")
                ? new TrialSpec.Cache("0", "0")
                : section(spec, "cache", TrialSpec.Cache.class);
    }

    private TrialSpec.Evaluate evaluate(SpecNode.Fields spec) {
        SpecNode.Fields fields = mapping(spec, "evaluate");
        Evaluation given = section(fields, "evaluate", Evaluation.class, List.of("metrics"));
        return new TrialSpec.Evaluate(
                given.split, given.every, plugins(fields, "metrics", "evaluate.metrics", List.of("accuracy", "f1")));
    }

    private <R extends Record> R section(SpecNode.Fields spec, String key, Class<R> type) {
        return section(mapping(spec, key), key, type, List.of());
    }

    private <R extends Record> R section(SpecNode.Fields fields, String key, Class<R> type, List<String> others) {
        return binder.bind(
                fields,
                type,
                Path.of(""),
                new OptionBinder.Subject(key + ".", key + ": unknown key ", "Known keys", others));
    }

    private static PluginRef required(SpecNode.Fields spec, String key) {
        return given(spec, key)
                .map(node -> plugin(node, key))
                .orElseThrow(() -> new UserError("%s: %s is missing: expected a plug-in, for example '%s: {name: ...}'"
                        .formatted(spec.place(), key, key)));
    }

    private static PluginRef sampler(SpecNode.Fields spec) {
        SpecNode.Fields fields = named(spec, "sampler");
        boolean named = given(fields, "name").isPresent();
        return plugin(named ? fields : fields.with("name", new SpecNode.Scalar("shuffle", fields.place())), "sampler");
    }

    private static List<PluginRef> plugins(SpecNode.Fields fields, String key, String called, List<String> defaults) {
        SpecNode node = given(fields, key).orElseGet(() -> SpecNode.of(defaults, fields.place()));
        if (!(node instanceof SpecNode.Items list)) {
            return List.of(plugin(node, called));
        }
        List<PluginRef> plugins = new ArrayList<>();
        for (SpecNode item : list.items()) {
            plugins.add(plugin(item, called + "." + plugins.size()));
        }
        return List.copyOf(plugins);
    }

    /** Adapters, each with a name of its own. */
    private static List<PluginRef> adapters(SpecNode.Fields spec, Path base) {
        List<PluginRef> adapters = plugins(spec, "adapters", "adapters", List.of()).stream()
                .map(ref -> adapter(ref, base))
                .toList();
        Set<String> names = new HashSet<>();
        adapters.stream().filter(ref -> !names.add(ref.called())).findFirst().ifPresent(twice -> {
            throw new UserError(twice.options().place() + ": adapters: two are called " + Quote.of(twice.called())
                    + "; give each a name of its own, as in {name: " + twice.name() + ", as: second}");
        });
        return adapters;
    }

    /** An adapter with what is the kernel's to read, not the plug-in's. */
    private static PluginRef adapter(PluginRef ref, Path base) {
        SpecNode.Fields options = (SpecNode.Fields) ref.options();
        SpecNode from = given(options, FROM).orElse(null);
        return new PluginRef(
                ref.name(),
                ref.version(),
                options.without(FROM).without(AS).without(ACTIVE),
                from == null ? Map.of() : folders(ref, from, base),
                given(options, AS).map(node -> ownName(ref, node)).orElse(""),
                given(options, ACTIVE).map(node -> isActive(ref, node)).orElse(true));
    }

    private static String ownName(PluginRef ref, SpecNode node) {
        if (node instanceof SpecNode.Scalar text && NAME.matcher(text.value()).matches()) {
            return text.value();
        }
        throw new UserError(
                node.place() + ": adapter " + Quote.of(ref.name()) + ": as: expected a name of letters, digits,"
                        + " dots, hyphens and underscores, found " + node.found());
    }

    private static boolean isActive(PluginRef ref, SpecNode node) {
        if (node instanceof SpecNode.Scalar text && List.of("true", "false").contains(text.value())) {
            return Boolean.parseBoolean(text.value());
        }
        throw new UserError(node.place() + ": adapter " + Quote.of(ref.name())
                + ": active: expected true or false, found " + node.found());
    }

    private static Map<String, Path> folders(PluginRef ref, SpecNode from, Path base) {
        Map<String, Path> folders = new LinkedHashMap<>();
        if (from instanceof SpecNode.Fields several && !several.fields().isEmpty()) {
            several.fields().forEach((name, folder) -> folders.put(name, folder(ref, folder, base)));
        } else {
            folders.put(PluginRef.SINGLE, folder(ref, from, base));
        }
        return folders;
    }

    private static Path folder(PluginRef ref, SpecNode node, Path base) {
        if (node instanceof SpecNode.Scalar text
                && ValueType.of(Path.class, base).parse().apply(text.value()) instanceof Path folder) {
            return folder;
        }
        throw new UserError(node.place() + ": adapter " + Quote.of(ref.name())
                + ": from: expected the folder of a saved adapter, or folders by name, found " + node.found());
    }

    private static PluginRef plugin(SpecNode node, String called) {
        SpecNode.Fields fields = node instanceof SpecNode.Fields mapping
                ? mapping
                : new SpecNode.Fields(Map.of("name", node), node.place());
        if (given(fields, "name").orElse(null) instanceof SpecNode.Scalar name) {
            Matcher parts = PLUGIN.matcher(name.value());
            if (!parts.matches()) {
                throw new UserError(name.place() + ": " + called
                        + ": expected a plug-in's name such as lora or lora@1.2, found " + name.found());
            }
            return new PluginRef(parts.group(1), Optional.ofNullable(parts.group(2)), fields.without("name"));
        }
        throw new UserError(node.place() + ": " + called
                + ": expected the name of a plug-in, or a mapping with 'name' and its options, found "
                + (node instanceof SpecNode.Fields ? "a mapping without a 'name'" : node.found()));
    }

    /** The mapping under a key that may also hold a bare name; empty where the key is not given. */
    private static SpecNode.Fields named(SpecNode.Fields spec, String key) {
        return given(spec, key).orElse(null) instanceof SpecNode.Scalar name
                ? new SpecNode.Fields(Map.of("name", name), name.place())
                : mapping(spec, key);
    }

    private static SpecNode.Fields mapping(SpecNode.Fields spec, String key) {
        SpecNode node = given(spec, key).orElseGet(() -> new SpecNode.Fields(Map.of(), spec.place()));
        if (node instanceof SpecNode.Fields fields) {
            return fields;
        }
        throw new UserError(node.place() + ": " + key + ": expected a mapping such as '" + key
                + ": {key: value}', found " + node.found());
    }

    private static Optional<SpecNode> given(SpecNode.Fields fields, String key) {
        return Optional.ofNullable(fields.fields().get(key)).filter(node -> !node.isNull());
    }
}
