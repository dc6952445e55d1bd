package org.attune.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.attune.model.ChatText.Span;
import org.attune.plugin.UserError;

/**
 * A chat as token ids.
 *
 * @param ids [tokens]
 * @param assistant whether a token is the assistant's, and so is to be learnt [tokens]
 */
public record ChatTokens(int[] ids, boolean[] assistant) {
    private static final String ASSISTANT = "assistant";

    /** The ids of a chat and of the beginning of an answer to it. */
    public static int[] prompt(Model model, List<ChatMessage> messages) {
        String text = template(model).render(messages, true).text();
        return model.tokenizer().tokenize(text).ids();
    }

    /**
     * A chat to learn from. The assistant's tokens are those that the template marks by {@code {% generation %}}; where it marks
     * none, all that an assistant's turn adds to the text after the generation prompt.
     *
     * @throws UserError if no chat template is there, it does not take the chat, or it leaves the token that ends a turn out of the
     *     assistant's tokens: a model that never learns it would never end
     */
    public static ChatTokens of(Model model, List<ChatMessage> messages) {
        ChatTemplate template = template(model);
        ChatText chat = template.render(messages, false);
        List<Span> turns = chat.generated().isEmpty() ? turns(template, messages, chat.text()) : chat.generated();
        TokenizedText tokens = model.tokenizer().tokenize(chat.text());
        boolean[] assistant = new boolean[tokens.ids().length];
        for (Span turn : turns) {
            boolean ended = false;
            for (int i = 0; i < assistant.length; i++) {
                if (tokens.starts()[i] < turn.end() && tokens.ends()[i] > turn.start()) {
                    assistant[i] = true;
                    int id = tokens.ids()[i];
                    ended |= Arrays.stream(model.endTokens()).anyMatch(end -> end == id);
                }
            }
            if (!ended) {
                throw new UserError(
                        "the chat template leaves the token that ends a turn out of what the assistant says ('"
                                + shortened(chat.text().substring(turn.start(), turn.end()))
                                + "'), so that a model would never learn to end; put it before {% endgeneration %}");
            }
        }
        return new ChatTokens(tokens.ids(), assistant);
    }

    private static List<Span> turns(ChatTemplate template, List<ChatMessage> messages, String text) {
        List<Span> turns = new ArrayList<>();
        for (int i = 0; i < messages.size(); i++) {
            if (messages.get(i).role().equals(ASSISTANT)) {
                String before = template.render(messages.subList(0, i), true).text();
                String after =
                        template.render(messages.subList(0, i + 1), false).text();
                if (!after.startsWith(before) || !text.startsWith(after)) {
                    throw new UserError(
                            "the chat template writes a turn otherwise once others follow, so the assistant's"
                                    + " tokens cannot be told; mark them by {% generation %} and {% endgeneration %}");
                }
                turns.add(new Span(before.length(), after.length()));
            }
        }
        return turns;
    }

    private static ChatTemplate template(Model model) {
        return model.chatTemplate()
                .orElseThrow(() -> new UserError("the model has no chat template; expected chat_template.jinja or"
                        + " chat_template in tokenizer_config.json"));
    }

    private static String shortened(String text) {
        String line = text.replaceAll("\\p{Cntrl}", " ");
        return line.length() <= 60 ? line : line.substring(0, 57) + "...";
    }
}
