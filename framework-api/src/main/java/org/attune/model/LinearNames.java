package org.attune.model;

import java.util.List;

/**
 * What a family calls the linear maps that methods act on by default, each the end of a path; one map may have several parts. A list of
 * targets may name these parts, {@code queries}, {@code keys}, {@code values} and {@code feed-forward}, and so suits every family.
 *
 * @param feedForward the map out of the feed-forward block
 */
public record LinearNames(String queries, String keys, String values, String feedForward) {
    /** Of a model that does not say: nothing is replaced. */
    public static final LinearNames NONE = new LinearNames("queries", "keys", "values", "feed-forward");

    /** The targets with parts replaced by their names, each once. */
    public List<String> resolve(List<String> targets) {
        return targets.stream().map(this::resolve).distinct().toList();
    }

    private String resolve(String target) {
        return switch (target) {
            case "queries" -> queries;
            case "keys" -> keys;
            case "values" -> values;
            case "feed-forward" -> feedForward;
            default -> target;
        };
    }
}
