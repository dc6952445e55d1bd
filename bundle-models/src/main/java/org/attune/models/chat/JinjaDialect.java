package org.attune.models.chat;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Writes what jinjava parses otherwise than Jinja so that it means the same to both, white space in the first place. */
final class JinjaDialect {
    /** Reversal, the one slice with a step that templates use: {@code messages[::-1]}. */
    private static final Pattern REVERSED = Pattern.compile("\\[\\s*::\\s*-1\\s*]");

    /** {@code not x is defined}, where {@code not} binds less than {@code is}. */
    private static final Pattern NOT_IS =
            Pattern.compile("\\bnot\\s+([\\w.]+(?:\\[[^\\[\\]]*])*)\\s+is\\s+(?!not\\b)(?=\\w)");

    /** White space that a dash takes away, which jinjava leaves around macros; not where a brace before it would begin a tag then. */
    private static final Pattern DASHED = Pattern.compile("(?<![\\s{])\\s+(?=\\{[%{#]-)|(?<=-[%}#]\\})\\s+");

    /** {@code lstrip_blocks}: blanks between the beginning of a line and a block; jinjava takes those within a line too. */
    private static final Pattern INDENTED = Pattern.compile("(?m)^[ \\t]+(?=\\{[%#](?!\\+))");

    /** {@code trim_blocks}: the line break after a block. */
    private static final Pattern ENDED = Pattern.compile("(?<=[%#]\\})\\r?\\n");

    private static final Pattern NAMESPACE = Pattern.compile("\\bnamespace\\(");

    private JinjaDialect() {}

    static String of(String template) {
        String text = template.replaceFirst("\\r?\\n\\z", ""); // Jinja drops one line break at the end
        text = INDENTED.matcher(text).replaceAll("");
        text = ENDED.matcher(text).replaceAll("");
        text = DASHED.matcher(text).replaceAll("");
        text = REVERSED.matcher(text).replaceAll(" | reverse");
        text = NOT_IS.matcher(text).replaceAll("$1 is not ");
        return namedInParentheses(text);
    }

    /** {@code namespace(n=messages|length - 1)}: jinjava would take 1 from the named argument. */
    private static String namedInParentheses(String text) {
        StringBuilder out = new StringBuilder();
        Matcher call = NAMESPACE.matcher(text);
        int done = 0;
        while (call.find(done)) {
            out.append(text, done, call.end());
            int depth = 1;
            char quote = 0;
            boolean open = false;
            int i = call.end();
            for (; i < text.length() && depth > 0; i++) {
                char c = text.charAt(i);
                boolean ends = quote == 0 && depth == 1 && (c == ',' || c == ')');
                if (ends && open) {
                    out.append(')');
                    open = false;
                }
                out.append(c);
                if (quote != 0) {
                    quote = c == quote ? 0 : quote;
                } else if (c == '\'' || c == '"') {
                    quote = c;
                } else if (c == '(' || c == '[' || c == '{') {
                    depth++;
                } else if (c == ')' || c == ']' || c == '}') {
                    depth--;
                } else if (c == '=' && depth == 1 && !open) {
                    out.append('(');
                    open = true;
                }
            }
            done = i;
        }
        return out.append(text, done, text.length()).toString();
    }
}
