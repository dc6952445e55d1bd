package org.attune.kernel.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.attune.plugin.Option;
import org.attune.plugin.UserError;
import org.attune.trial.Studies;
import org.attune.trial.Study;

/** Reads a study from YAML and makes the spec of each of its runs. */
public final class StudyReader implements Studies {
    private static final String VARIANTS = "variants";
    private static final String TIMING = "timing";
    private static final List<String> KEYS = List.of("base", "seeds", VARIANTS, "columns", TIMING, "output");

    /** What the study itself decides. */
    private static final Set<String> OWN = Set.of("name", "seed", "base", "output");

    /** What a run that only takes times leaves out, as a spec would say it. */
    private static final Map<String, String> NOTHING_BUT_STEPS = Map.of(
            "evaluate",
            "{split: '', metrics: []}",
            "early_stopping",
            "",
            "baselines",
            "[]",
            "checkpoint",
            "{every: 0}");

    private static final int FINGERPRINT_DIGITS = 12;

    private final OptionBinder binder = new OptionBinder();
    private final SpecReader specs = new SpecReader();

    /** The keys of a study that hold plain values. */
    private record Basics(
            @Option("the spec that all variants change, from the study's folder")
            String base,

            @Option(value = "one run of each variant for each", defaults = "[0]")
            List<Integer> seeds,

            @Option(value = "scores that the table shows", defaults = "[accuracy]")
            List<String> columns,

            @Option(value = "the folder for results, from the current one; studies/NAME if empty", defaults = "")
            String output) {}

    /** How the time of a step is taken. */
    private record Timing(
            @Option(value = "steps whose time counts; 0 for no such runs", defaults = "24", min = 0, max = 100_000)
            int steps,

            @Option(value = "steps before them", defaults = "8", min = 0, max = 100_000)
            int warmup) {}

    @Override
    public Study read(Path file, Map<String, String> overrides) {
        SpecNode.Fields study = SpecReader.written(file);
        Basics basics = binder.bind(
                study, Basics.class, Path.of(""), new OptionBinder.Subject("", "unknown key ", "Known keys", KEYS));
        Timing timing = binder.bind(mapping(study, TIMING), Timing.class, Path.of(""), subject(TIMING, List.of()));
        List<Long> seeds =
                basics.seeds.stream().map(Integer::longValue).distinct().toList();
        if (seeds.isEmpty()) {
            throw new UserError(study.fields().get("seeds").place() + ": seeds: expected at least one, found none");
        }
        Path base = path(file, basics.base, study);
        SpecNode spec = Overrides.apply(SpecReader.written(base), overrides);
        List<Study.Variant> variants = new ArrayList<>();
        variants(study).forEach((name, settings) -> {
            SpecNode.Fields changed = (SpecNode.Fields) Overrides.applyWritten(spec, settings);
            variants.add(new Study.Variant(
                    name,
                    seeds.stream()
                            .map(seed -> run(name, changed, base, seed, 0))
                            .toList(),
                    timing.steps == 0
                            ? List.of()
                            : List.of(
                                    run(name + "-timing", steps(changed, timing), base, seeds.get(0), timing.warmup))));
        });
        return new Study(output(basics.output, file), seeds, basics.columns, variants);
    }

    private static OptionBinder.Subject subject(String key, List<String> others) {
        return new OptionBinder.Subject(key + ".", key + ": unknown key ", "Known keys", others);
    }

    private static Path path(Path file, String base, SpecNode.Fields study) {
        try {
            return file.resolveSibling(base);
        } catch (InvalidPathException e) {
            throw new UserError(
                    study.fields().get("base").place() + ": base: expected a path, found " + Quote.of(base), e);
        }
    }

    private static Path output(String output, Path file) {
        String name = file.getFileName().toString().replaceFirst("(?<=.)\\.ya?ml$", "");
        return output.isEmpty() ? Path.of("studies", name) : Path.of(output);
    }

    /** The settings of each variant by its name. */
    private static Map<String, Map<String, SpecNode>> variants(SpecNode.Fields study) {
        Map<String, Map<String, SpecNode>> variants = new LinkedHashMap<>();
        mapping(study, VARIANTS).fields().forEach((name, settings) -> {
            if (!SpecReader.NAME.matcher(name).matches()) {
                throw new UserError(
                        settings.place() + ": variants: expected a name of up to 100 letters, digits, '.', '_' or"
                                + " '-' (it names a folder), found " + Quote.of(name));
            }
            Map<String, SpecNode> written =
                    fields(settings, VARIANTS + "." + name).fields();
            written.forEach((key, value) -> {
                if (OWN.contains(key)) {
                    throw new UserError(value.place() + ": variants." + name + ": the study decides " + Quote.of(key)
                            + ", leave it out");
                }
            });
            variants.put(name, written);
        });
        if (variants.isEmpty()) {
            throw new UserError(
                    study.place()
                            + ": variants is missing: expected names with settings, for example 'variants: {lora: {adapters.0.rank: 8}}'");
        }
        return variants;
    }

    private static SpecNode.Fields mapping(SpecNode.Fields study, String key) {
        SpecNode node = study.fields().get(key);
        return node == null ? new SpecNode.Fields(Map.of(), study.place()) : fields(node, key);
    }

    /** Nothing is a mapping of nothing. */
    private static SpecNode.Fields fields(SpecNode node, String called) {
        if (node.isNull()) {
            return new SpecNode.Fields(Map.of(), node.place());
        }
        if (node instanceof SpecNode.Fields fields) {
            return fields;
        }
        throw new UserError(node.place() + ": " + called + ": expected a mapping such as '{adapters.0.rank: 8}', found "
                + node.found());
    }

    private static SpecNode.Fields steps(SpecNode.Fields spec, Timing timing) {
        Map<String, String> overrides = new LinkedHashMap<>(NOTHING_BUT_STEPS);
        overrides.put("train.max_steps", Integer.toString(timing.warmup + timing.steps));
        return (SpecNode.Fields) Overrides.apply(spec, overrides);
    }

    private Study.Run run(String name, SpecNode.Fields written, Path base, long seed, int warmup) {
        SpecNode.Fields spec = written.without("name")
                .without("output")
                .without("base")
                .with("seed", new SpecNode.Scalar(Long.toString(seed), written.place()));
        Path folder = specs.spec(written, base.toAbsolutePath()).base(); // checks the rest
        ObjectNode json = (ObjectNode) json(spec);
        String fingerprint = fingerprint(json.toString());
        json.put("name", name).put("base", folder.toString());
        return new Study.Run(seed, warmup, json.toPrettyString(), fingerprint);
    }

    /** YAML is a superset of JSON. A key without a value counts as not given; the order of keys does not count. */
    private static JsonNode json(SpecNode node) {
        if (node instanceof SpecNode.Fields mapping) {
            ObjectNode object = JsonNodeFactory.instance.objectNode();
            new TreeMap<>(mapping.fields()).forEach((key, value) -> {
                if (!value.isNull()) {
                    object.set(key, json(value));
                }
            });
            return object;
        }
        if (node instanceof SpecNode.Items list) {
            ArrayNode array = JsonNodeFactory.instance.arrayNode();
            list.items().forEach(item -> array.add(json(item)));
            return array;
        }
        return JsonNodeFactory.instance.textNode(((SpecNode.Scalar) node).value());
    }

    private static String fingerprint(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest).substring(0, FINGERPRINT_DIGITS);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }
}
