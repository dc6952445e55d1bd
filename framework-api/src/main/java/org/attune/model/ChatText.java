package org.attune.model;

import java.util.List;

/**
 * A chat as text.
 *
 * @param generated what the template marks as the assistant's own, in order; empty where it marks nothing
 */
public record ChatText(String text, List<Span> generated) {
    /** The characters from {@code start} up to, and without, {@code end}. */
    public record Span(int start, int end) {}
}
