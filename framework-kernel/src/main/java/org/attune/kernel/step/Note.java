package org.attune.kernel.step;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Something that happened to what a trial trains, for its journal.
 *
 * @param name {@code frozen}, {@code unfrozen} or the name that a method gave
 * @param value what Jackson writes: texts, numbers, lists, maps
 */
public record Note(String name, Object value) {
    /** In one line for people: of a long list its ends, of a map what is no list or map. */
    public String text() {
        if (value instanceof List<?> list && list.size() > 1) {
            return name + ": " + list.size() + " tensors, " + list.get(0) + " to " + list.get(list.size() - 1);
        }
        if (value instanceof List<?> list) {
            return name + ": " + list.stream().map(String::valueOf).collect(Collectors.joining());
        }
        if (value instanceof Map<?, ?> map) {
            return name + ": "
                    + map.entrySet().stream()
                            .filter(e -> !(e.getValue() instanceof Map || e.getValue() instanceof Collection))
                            .map(e -> e.getKey() + " " + e.getValue())
                            .collect(Collectors.joining(", "));
        }
        return name + ": " + value;
    }
}
