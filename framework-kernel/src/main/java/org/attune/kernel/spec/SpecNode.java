package org.attune.kernel.spec;

import java.util.List;
import java.util.Map;

/** A value of a spec with the place where it was written: {@code file:line}, or {@code --set key} for an override. */
public sealed interface SpecNode {
    String place();

    /** @param value text as written, without quotes; null for an explicit null */
    record Scalar(String value, String place) implements SpecNode {}

    /** A list. */
    record Items(List<SpecNode> items, String place) implements SpecNode {}

    /** A mapping, in the order written. */
    record Fields(Map<String, SpecNode> fields, String place) implements SpecNode {}
}
