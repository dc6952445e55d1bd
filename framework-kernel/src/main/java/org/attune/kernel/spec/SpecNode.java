package org.attune.kernel.spec;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A value of a spec with the place where it was written: {@code file:line}, or {@code --set key} for an override. Two
 * nodes are equal when they hold the same; where it was written does not count.
 */
public sealed interface SpecNode {
    String place();

    /** What it is, for an error message: {@code 'many'}, {@code a list}, {@code a mapping} or {@code nothing}. */
    String found();

    /** Whether it is an explicit null; a key without a value counts as not given. */
    default boolean isNull() {
        return this instanceof Scalar scalar && scalar.value() == null;
    }

    /** A node for a plain value: a Map with text keys, a List, null, a node, or anything whose text is its value. */
    static SpecNode of(Object value, String place) {
        if (value instanceof SpecNode node) {
            return node;
        }
        if (value instanceof Map<?, ?> map) {
            Map<String, SpecNode> fields = new LinkedHashMap<>();
            map.forEach((key, item) -> fields.put(String.valueOf(key), of(item, place)));
            return new Fields(fields, place);
        }
        if (value instanceof List<?> list) {
            return new Items(list.stream().map(item -> of(item, place)).toList(), place);
        }
        return new Scalar(value == null ? null : value.toString(), place);
    }

    /** @param value text as written, without quotes; null for an explicit null */
    record Scalar(String value, String place) implements SpecNode {
        @Override
        public String found() {
            return value == null ? "nothing" : Quote.of(value);
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Scalar scalar && Objects.equals(value, scalar.value);
        }

        @Override
        public int hashCode() {
            return Objects.hashCode(value);
        }
    }

    /** A list. */
    record Items(List<SpecNode> items, String place) implements SpecNode {
        public Items {
            items = List.copyOf(items);
        }

        @Override
        public String found() {
            return "a list";
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Items list && items.equals(list.items);
        }

        @Override
        public int hashCode() {
            return items.hashCode();
        }

        /** The list with one item replaced, or added at its end. */
        Items with(int index, SpecNode item) {
            List<SpecNode> changed = new ArrayList<>(items);
            if (index == items.size()) {
                changed.add(item);
            } else {
                changed.set(index, item);
            }
            return new Items(changed, place);
        }
    }

    /** A mapping, in the order written. */
    record Fields(Map<String, SpecNode> fields, String place) implements SpecNode {
        public Fields {
            fields = Collections.unmodifiableMap(new LinkedHashMap<>(fields));
        }

        @Override
        public String found() {
            return "a mapping";
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Fields mapping && fields.equals(mapping.fields);
        }

        @Override
        public int hashCode() {
            return fields.hashCode();
        }

        /** The mapping with one key set. */
        Fields with(String key, SpecNode value) {
            Map<String, SpecNode> changed = new LinkedHashMap<>(fields);
            changed.put(key, value);
            return new Fields(changed, place);
        }

        /** The mapping without one key. */
        Fields without(String key) {
            Map<String, SpecNode> changed = new LinkedHashMap<>(fields);
            changed.remove(key);
            return new Fields(changed, place);
        }
    }
}
