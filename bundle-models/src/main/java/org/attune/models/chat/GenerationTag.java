package org.attune.models.chat;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.tag.Tag;
import com.hubspot.jinjava.tree.Node;
import com.hubspot.jinjava.tree.TagNode;
import java.util.List;
import org.attune.model.ChatText.Span;
import org.attune.plugin.UserError;

/**
 * {@code {% generation %} … {% endgeneration %}}: what the assistant says. While a template is rendered nobody knows where in the text
 * it will stand, so it goes between two characters that no text has, which are taken out afterwards.
 */
public final class GenerationTag implements Tag {
    private static final long serialVersionUID = 1L;
    private static final char BEGIN = '\uFDD0';
    private static final char END = '\uFDD1';

    @Override
    public String getName() {
        return "generation";
    }

    @Override
    public String getEndTagName() {
        return "endgeneration";
    }

    @Override
    public String interpret(TagNode tag, JinjavaInterpreter interpreter) {
        StringBuilder text = new StringBuilder().append(BEGIN);
        for (Node child : tag.getChildren()) {
            text.append(child.render(interpreter));
        }
        return text.append(END).toString();
    }

    /** @throws UserError if a text has a character that marks; Unicode assigns them to nothing, for ever */
    static void check(String text) {
        if (text.indexOf(BEGIN) >= 0 || text.indexOf(END) >= 0) {
            throw new UserError("a chat message has a character U+FDD0 or U+FDD1, which is none; take it out");
        }
    }

    /** The text without marks; where they were is added to {@code spans}. */
    static String unmark(String marked, List<Span> spans) {
        StringBuilder text = new StringBuilder(marked.length());
        int begin = 0;
        for (int i = 0; i < marked.length(); i++) {
            char c = marked.charAt(i);
            if (c == BEGIN) {
                begin = text.length();
            } else if (c == END) {
                spans.add(new Span(begin, text.length()));
            } else {
                text.append(c);
            }
        }
        return text.toString();
    }
}
