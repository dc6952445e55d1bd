package org.attune.models;

import java.util.Optional;
import org.attune.model.ChatTemplate;

/**
 * What a model's files say of texts that it writes.
 *
 * @param endTokens ids that end a text or a turn
 * @param template how chats are written
 */
public record ChatFormat(int[] endTokens, Optional<ChatTemplate> template) {
    /** For models whose files say nothing. */
    public static final ChatFormat NONE = new ChatFormat(new int[0], Optional.empty());
}
