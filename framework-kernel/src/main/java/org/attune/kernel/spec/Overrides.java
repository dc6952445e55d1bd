package org.attune.kernel.spec;

import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.attune.plugin.UserError;

/** Applies {@code --set key=value}, or what a study's variant says, to what a spec says. */
final class Overrides {
    private static final Pattern INDEX = Pattern.compile("[0-9]{1,4}");

    private final String place;

    /** @param place of the override, as errors say it */
    private Overrides(String place) {
        this.place = place;
    }

    /**
     * A spec with values put in place of what stands there, or added.
     *
     * @param overrides YAML values by dotted key, list items by index from 0: {@code adapters.0.rank}
     */
    static SpecNode apply(SpecNode spec, Map<String, String> overrides) {
        SpecNode changed = spec;
        for (Map.Entry<String, String> override : overrides.entrySet()) {
            changed = new Overrides("--set " + Quote.oneLine(override.getKey()))
                    .apply(changed, override.getKey(), override.getValue());
        }
        return changed;
    }

    /** The same with values that are written in a file, and have their place there. */
    static SpecNode applyWritten(SpecNode spec, Map<String, SpecNode> overrides) {
        SpecNode changed = spec;
        for (Map.Entry<String, SpecNode> override : overrides.entrySet()) {
            SpecNode value = override.getValue();
            changed = new Overrides(value.place() + ": " + Quote.oneLine(override.getKey()))
                    .apply(changed, override.getKey(), value);
        }
        return changed;
    }

    private SpecNode apply(SpecNode spec, String key, String value) {
        return apply(spec, key, YamlText.parse(value, place, line -> place).orElse(new SpecNode.Scalar(null, place)));
    }

    private SpecNode apply(SpecNode spec, String key, SpecNode value) {
        List<String> path = List.of(key.split("\\.", -1));
        if (path.stream().anyMatch(String::isBlank)
                || INDEX.matcher(path.get(0)).matches()) {
            throw new UserError(place + ": expected a key such as train.batch or adapters.0.rank");
        }
        return set(spec, path, 0, value);
    }

    /** @param node what stands at the first {@code depth} names of the path; null for nothing */
    private SpecNode set(SpecNode node, List<String> path, int depth, SpecNode value) {
        if (depth == path.size()) {
            return value;
        }
        String step = path.get(depth);
        boolean there = node != null && !node.isNull();
        if (node instanceof SpecNode.Items list) {
            return setItem(list, path, depth, value);
        }
        if (INDEX.matcher(step).matches()) {
            // Where a list is expected, a single entry counts as a list of one.
            return setItem(new SpecNode.Items(there ? List.of(node) : List.of(), place), path, depth, value);
        }
        SpecNode.Fields fields;
        if (node instanceof SpecNode.Fields mapping) {
            fields = mapping;
        } else if (there) {
            fields = new SpecNode.Fields(Map.of("name", node), node.place());
        } else {
            fields = new SpecNode.Fields(Map.of(), place);
        }
        return fields.with(step, set(fields.fields().get(step), path, depth + 1, value));
    }

    private SpecNode setItem(SpecNode.Items list, List<String> path, int depth, SpecNode value) {
        String step = path.get(depth);
        String name = String.join(".", path.subList(0, depth));
        if (!INDEX.matcher(step).matches()) {
            throw new UserError(
                    place + ": " + name + " is a list: say which entry, for example " + name + ".0." + step);
        }
        int index = Integer.parseInt(step);
        int size = list.items().size();
        if (index > size) {
            throw new UserError(place + ": " + name + " has "
                    + (size == 1 ? "1 entry" : size + " entries") + ": expected an index from 0 to " + size
                    + ", the last adds one");
        }
        SpecNode before = index < size ? list.items().get(index) : null;
        return list.with(index, set(before, path, depth + 1, value));
    }
}
