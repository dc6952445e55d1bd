package org.attune.model;

/**
 * One turn of a chat.
 *
 * @param role {@code system}, {@code user} or {@code assistant}, and whatever else a template knows
 */
public record ChatMessage(String role, String content) {}
