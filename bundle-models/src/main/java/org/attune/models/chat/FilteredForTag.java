package org.attune.models.chat;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.tag.ForTag;
import com.hubspot.jinjava.objects.collections.PyList;
import com.hubspot.jinjava.tree.Node;
import com.hubspot.jinjava.tree.TagNode;
import com.hubspot.jinjava.tree.parse.TagToken;
import com.hubspot.jinjava.util.ForLoop;
import com.hubspot.jinjava.util.ObjectIterator;
import com.hubspot.jinjava.util.ObjectTruthValue;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The loop of Jinja with its condition, {@code {% for m in messages if m.role == 'user' %}}, and with what stands for no turn,
 * {@code {% else %}}; jinjava has neither.
 */
public final class FilteredForTag extends ForTag {
    private static final long serialVersionUID = 1L;
    /** An {@code if} with an {@code else} belongs to the expression. */
    private static final Pattern LOOP =
            Pattern.compile("\\s*(.+?)\\s+in\\s+(.+?)(?:\\s+if\\s+((?:(?!\\selse\\s).)+))?", Pattern.DOTALL);

    private static final String CHOSEN = "chosen_for_loop_";

    @Override
    public String interpret(TagNode tag, JinjavaInterpreter interpreter) {
        Matcher loop = LOOP.matcher(tag.getHelpers());
        List<Node> children = new ArrayList<>(tag.getChildren());
        int turn = 0;
        while (turn < children.size() && !children.get(turn).getName().equals("else")) {
            turn++;
        }
        if (!loop.matches() || loop.group(3) == null && turn == children.size()) {
            return super.interpret(tag, interpreter);
        }
        List<Object> chosen = chosen(loop, tag, interpreter);
        if (chosen.isEmpty()) {
            StringBuilder text = new StringBuilder();
            for (Node child : children.subList(Math.min(turn + 1, children.size()), children.size())) {
                text.append(child.render(interpreter));
            }
            return text.toString();
        }
        String name = CHOSEN + tag.getLineNumber() + "_" + tag.getStartPosition();
        interpreter.getContext().put(name, new PyList(chosen));
        TagToken token = new TagToken(
                "{% for " + loop.group(1) + " in " + name + " %}",
                tag.getLineNumber(),
                tag.getStartPosition(),
                tag.getSymbols());
        TagNode plain = new TagNode(this, token, tag.getSymbols());
        plain.getChildren().addAll(children.subList(0, turn));
        return super.interpret(plain, interpreter);
    }

    private static List<Object> chosen(Matcher loop, TagNode tag, JinjavaInterpreter interpreter) {
        List<Object> chosen = new ArrayList<>();
        ForLoop all = ObjectIterator.getLoop(interpreter.resolveELExpression(loop.group(2), tag.getLineNumber()));
        while (all.hasNext()) {
            Object item = all.next();
            interpreter.enterNonStackingScope();
            try {
                interpreter.getContext().put(loop.group(1), item);
                if (loop.group(3) == null
                        || ObjectTruthValue.evaluate(
                                interpreter.resolveELExpression(loop.group(3), tag.getLineNumber()))) {
                    chosen.add(item);
                }
            } finally {
                interpreter.leaveScope();
            }
        }
        return chosen;
    }
}
