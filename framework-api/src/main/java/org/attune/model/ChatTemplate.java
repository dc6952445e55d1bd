package org.attune.model;

import java.util.List;
import org.osgi.annotation.versioning.ConsumerType;

/** How a chat is written as one text for a model that was trained on such texts. Thread-safe. */
@ConsumerType
public interface ChatTemplate {
    /**
     * The text of a chat, special tokens written out.
     *
     * @param generationPrompt whether the beginning of an assistant's turn follows, for the model to go on from
     * @throws org.attune.plugin.UserError if the template does not take such a chat, with its own reason
     */
    ChatText render(List<ChatMessage> messages, boolean generationPrompt);
}
