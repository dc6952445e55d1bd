package org.attune.kernel.spec;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntFunction;
import org.attune.plugin.UserError;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.ReaderException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/** Turns YAML 1.2 (JSON schema) into nodes that know their place. */
final class YamlText {
    private static final int DEEPEST = 32;
    private static final int MOST_NODES = 20_000;
    private static final Set<Tag> TAGS = Set.of(Tag.STR, Tag.INT, Tag.FLOAT, Tag.BOOL, Tag.NULL, Tag.SEQ, Tag.MAP);

    private final LoadSettings settings;
    private final String source;
    private final IntFunction<String> placeOfLine;
    private int nodes;

    private YamlText(String source, IntFunction<String> placeOfLine) {
        this.settings = LoadSettings.builder()
                .setLabel(Quote.oneLine(source))
                .setMaxAliasesForCollections(MOST_NODES)
                .build();
        this.source = source;
        this.placeOfLine = placeOfLine;
    }

    /**
     * The one document in a text; empty where it holds nothing but comments.
     *
     * @param source names the text in errors of its syntax, which add line and column
     * @param placeOfLine the place of what stands on a line, counted from 1
     * @throws UserError if it is not YAML, gives a key twice, or grows too deep or too large
     */
    static Optional<SpecNode> parse(String text, String source, IntFunction<String> placeOfLine) {
        return new YamlText(source, placeOfLine).read(text);
    }

    private Optional<SpecNode> read(String text) {
        try {
            checkDepth(text);
            return new Compose(settings).composeString(text).map(node -> convert(node, place(node), 0));
        } catch (MarkedYamlEngineException e) {
            String context = e.getContext() == null || e.getContext().isEmpty() ? "" : e.getContext() + ": ";
            String where = e.getProblemMark()
                    .or(e::getContextMark)
                    .map(mark -> ":" + (mark.getLine() + 1) + ":" + (mark.getColumn() + 1))
                    .orElse("");
            throw new UserError(source + where + ": not valid YAML: " + Quote.oneLine(context + e.getProblem()), e);
        } catch (ReaderException e) {
            throw new UserError(
                    "%s: not valid YAML: the character U+%04X is not allowed".formatted(source, e.getCodePoint()), e);
        } catch (YamlEngineException e) {
            throw new UserError(source + ": not valid YAML: " + Quote.oneLine(String.valueOf(e.getMessage())), e);
        }
    }

    /** The composer calls itself for each level, so depth is bounded before it is let in. */
    private void checkDepth(String text) {
        int depth = 0;
        for (Event event : new Parse(settings).parseString(text)) {
            switch (event.getEventId()) {
                case MappingStart, SequenceStart -> depth++;
                case MappingEnd, SequenceEnd -> depth--;
                default -> {}
            }
            if (depth > DEEPEST) {
                int line = event.getStartMark().map(mark -> mark.getLine() + 1).orElse(1);
                throw new UserError(placeOfLine.apply(line) + ": nested deeper than " + DEEPEST + " levels");
            }
        }
    }

    /** @param place for what stands beside a key, the key's: there the user looks for a mistake */
    private SpecNode convert(Node node, String place, int depth) {
        if (depth > DEEPEST) {
            throw new UserError(place + ": nested deeper than " + DEEPEST + " levels, through an alias");
        }
        // Aliases of aliases can stand for billions of nodes in a few lines.
        if (++nodes > MOST_NODES) {
            throw new UserError(place + ": more than " + MOST_NODES + " values, aliases counted where they are used");
        }
        if (!TAGS.contains(node.getTag())) {
            throw new UserError(
                    place + ": unknown tag " + Quote.of(node.getTag().getValue()) + ", leave it out");
        }
        if (node instanceof MappingNode mapping) {
            return fields(mapping, place, depth);
        }
        if (node instanceof SequenceNode sequence) {
            List<SpecNode> items = new ArrayList<>();
            for (Node item : sequence.getValue()) {
                items.add(convert(item, place(item), depth + 1));
            }
            return new SpecNode.Items(items, place);
        }
        ScalarNode scalar = (ScalarNode) node;
        return new SpecNode.Scalar(isNull(scalar) ? null : scalar.getValue(), place);
    }

    private SpecNode.Fields fields(MappingNode mapping, String place, int depth) {
        Map<String, SpecNode> fields = new LinkedHashMap<>();
        Map<String, String> places = new HashMap<>();
        for (NodeTuple pair : mapping.getValue()) {
            Node key = pair.getKeyNode();
            String here = place(key);
            if (!(key instanceof ScalarNode scalar) || isNull(scalar)) {
                throw new UserError(here + ": expected a name as the key, for example 'seed: 0'");
            }
            String name = scalar.getValue();
            String before = places.put(name, here);
            if (before != null) {
                throw new UserError(here + ": key " + Quote.of(name) + " is given twice, first at " + before);
            }
            fields.put(name, convert(pair.getValueNode(), here, depth + 1));
        }
        return new SpecNode.Fields(fields, place);
    }

    /** The JSON schema has no {@code ~}, but people know it. */
    private static boolean isNull(ScalarNode node) {
        return node.getTag().equals(Tag.NULL)
                || node.isPlain() && node.getValue().equals("~");
    }

    private String place(Node node) {
        return placeOfLine.apply(
                node.getStartMark().map(mark -> mark.getLine() + 1).orElse(1));
    }
}
