package org.attune.kernel.spec;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.snakeyaml.engine.v2.api.DumpSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Present;
import org.snakeyaml.engine.v2.api.lowlevel.Serialize;
import org.snakeyaml.engine.v2.common.FlowStyle;
import org.snakeyaml.engine.v2.common.ScalarStyle;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;
import org.snakeyaml.engine.v2.resolver.JsonScalarResolver;
import org.snakeyaml.engine.v2.resolver.ScalarResolver;

/** Writes a spec with everything that was left open filled in: what repeats a run. */
public final class SpecWriter {
    private static final DumpSettings SETTINGS =
            DumpSettings.builder().setWidth(1000).setSplitLines(false).build();

    private final OptionBinder binder = new OptionBinder();
    private final ScalarResolver resolver = new JsonScalarResolver();

    /** YAML that {@link SpecReader} reads back, from any place, as an equal spec. */
    public String write(TrialSpec spec) {
        Map<String, Object> keys = new LinkedHashMap<>();
        keys.put("name", spec.name());
        keys.put("seed", spec.seed());
        keys.put("threads", spec.threads());
        keys.put("engine", spec.engine());
        spec.precision().ifPresent(type -> keys.put("precision", ValueType.written(type)));
        keys.put("weights", ValueType.written(spec.weights()));
        keys.put("model", spec.newModel().<Object>map(this::plan).orElse(spec.model()));
        keys.put("data", entry(spec.data()));
        keys.put("trainer", entry(spec.trainer()));
        keys.put("adapters", entries(spec.adapters()));
        keys.put("regularizers", entries(spec.regularizers()));
        keys.put("sampler", entry(spec.sampler()));
        keys.put("optimizer", kind((Record) spec.optimizer(), Optimizer.KINDS));
        keys.put("schedule", kind((Record) spec.schedule(), Schedule.KINDS));
        keys.put("train", binder.describe(spec.train()));
        spec.average().ifPresent(average -> keys.put("average", kind((Record) average, Averaging.KINDS)));
        keys.put("cache", binder.describe(spec.cache()));
        keys.put("evaluate", evaluate(spec.evaluate()));
        spec.earlyStopping().ifPresent(stopping -> keys.put("early_stopping", binder.describe(stopping)));
        keys.put("checkpoint", binder.describe(spec.checkpoint()));
        keys.put("baselines", entries(spec.baselines()));
        keys.put("base", spec.base());
        keys.put("output", spec.output());
        Node root = node(SpecNode.of(keys, ""), FlowStyle.BLOCK);
        return new Present(SETTINGS)
                .emitToString(new Serialize(SETTINGS).serializeOne(root).iterator());
    }

    private Map<String, Object> plan(ModelPlan plan) {
        Map<String, Object> keys = new LinkedHashMap<>();
        keys.put("new", plan.config());
        keys.put("tokenizer", binder.describe(plan.tokenizer()));
        return keys;
    }

    private Map<String, Object> kind(Record options, Map<String, Class<? extends Record>> kinds) {
        Map<String, Object> keys = new LinkedHashMap<>();
        kinds.forEach((name, type) -> {
            if (type == options.getClass()) {
                keys.put("name", name);
            }
        });
        keys.putAll(binder.describe(options));
        return keys;
    }

    private static Map<String, Object> evaluate(TrialSpec.Evaluate evaluate) {
        Map<String, Object> keys = new LinkedHashMap<>();
        keys.put("split", evaluate.split());
        keys.put("every", evaluate.every());
        keys.put("metrics", entries(evaluate.metrics()));
        return keys;
    }

    private static List<SpecNode> entries(List<PluginRef> plugins) {
        return plugins.stream().map(SpecWriter::entry).toList();
    }

    private static SpecNode entry(PluginRef plugin) {
        SpecNode name = SpecNode.of(plugin.toString(), "");
        Map<String, SpecNode> keys = new LinkedHashMap<>();
        keys.put("name", name);
        if (!plugin.as().isEmpty()) {
            keys.put(SpecReader.AS, SpecNode.of(plugin.as(), ""));
        }
        if (!plugin.active()) {
            keys.put(SpecReader.ACTIVE, SpecNode.of(false, ""));
        }
        if (!plugin.from().isEmpty()) {
            Object folders = plugin.single().<Object>map(folder -> folder).orElse(plugin.from());
            keys.put(SpecReader.FROM, SpecNode.of(folders, ""));
        }
        keys.putAll(((SpecNode.Fields) plugin.options()).fields());
        return keys.size() == 1 ? name : new SpecNode.Fields(keys, "");
    }

    /** The spec itself stands in lines; lists and mappings inside a key fit on one. */
    private Node node(SpecNode node, FlowStyle style) {
        if (node instanceof SpecNode.Fields mapping) {
            List<NodeTuple> pairs = new ArrayList<>();
            mapping.fields()
                    .forEach((key, value) -> pairs.add(new NodeTuple(scalar(key), node(value, FlowStyle.FLOW))));
            return new MappingNode(Tag.MAP, pairs, style);
        }
        if (node instanceof SpecNode.Items list) {
            List<Node> items = list.items().stream()
                    .map(item -> node(item, FlowStyle.FLOW))
                    .toList();
            return new SequenceNode(Tag.SEQ, items, style);
        }
        return scalar(((SpecNode.Scalar) node).value());
    }

    /** Plain where it reads back as the same text; a text that reads as null needs quotes. */
    private Node scalar(String text) {
        if (text == null) {
            return new ScalarNode(Tag.NULL, "null", ScalarStyle.PLAIN);
        }
        Tag tag = resolver.resolve(text, true);
        return tag.equals(Tag.NULL) || text.equals("~")
                ? new ScalarNode(Tag.STR, text, ScalarStyle.DOUBLE_QUOTED)
                : new ScalarNode(tag, text, ScalarStyle.PLAIN);
    }
}
