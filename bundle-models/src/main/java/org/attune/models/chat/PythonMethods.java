package org.attune.models.chat;

import com.hubspot.jinjava.el.JinjavaInterpreterResolver;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import jinjava.javax.el.CompositeELResolver;
import jinjava.javax.el.ELContext;

/** The methods that templates call on strings as Python's, which jinjava has not or has as Java's; the rest is jinjava's own. */
final class PythonMethods extends CompositeELResolver {
    PythonMethods() {
        add(JinjavaInterpreterResolver.DEFAULT_RESOLVER_READ_ONLY);
    }

    @Override
    public Object invoke(ELContext context, Object base, Object method, Class<?>[] types, Object[] arguments) {
        if (base instanceof CharSequence text && method != null) {
            Object result = call(text.toString(), method.toString(), strings(arguments));
            if (result != null) {
                context.setPropertyResolved(true);
                return result;
            }
        }
        return super.invoke(context, base, method, types, arguments);
    }

    private static List<String> strings(Object[] arguments) {
        List<String> strings = new ArrayList<>();
        for (Object argument : arguments == null ? new Object[0] : arguments) {
            strings.add(String.valueOf(argument));
        }
        return strings;
    }

    /** Null for a method that is not here. */
    private static Object call(String text, String method, List<String> arguments) {
        String first = arguments.isEmpty() ? null : arguments.get(0);
        return switch (method) {
            case "strip" -> trimmed(text, first, true, true);
            case "lstrip" -> trimmed(text, first, true, false);
            case "rstrip" -> trimmed(text, first, false, true);
            case "startswith" -> text.startsWith(first);
            case "endswith" -> text.endsWith(first);
            case "upper" -> text.toUpperCase(Locale.ROOT);
            case "lower" -> text.toLowerCase(Locale.ROOT);
            case "capitalize" ->
                text.isEmpty()
                        ? text
                        : text.substring(0, 1).toUpperCase(Locale.ROOT)
                                + text.substring(1).toLowerCase(Locale.ROOT);
            case "title" ->
                Pattern.compile("\\p{L}+")
                        .matcher(text)
                        .replaceAll(word -> word.group().substring(0, 1).toUpperCase(Locale.ROOT)
                                + word.group().substring(1).toLowerCase(Locale.ROOT));
            case "split" ->
                first == null
                        ? text.isBlank()
                                ? List.of()
                                : Arrays.asList(text.strip().split("\\s+", -1))
                        : Arrays.asList(text.split(
                                Pattern.quote(first),
                                arguments.size() > 1 ? Integer.parseInt(arguments.get(1)) + 1 : -1));
            case "splitlines" -> text.lines().toList();
            default -> null;
        };
    }

    /** @param characters those to take away; null for white space */
    private static String trimmed(String text, String characters, boolean left, boolean right) {
        int from = 0;
        int to = text.length();
        while (left && from < to && goes(text.charAt(from), characters)) {
            from++;
        }
        while (right && to > from && goes(text.charAt(to - 1), characters)) {
            to--;
        }
        return text.substring(from, to);
    }

    private static boolean goes(char c, String characters) {
        return characters == null ? Character.isWhitespace(c) : characters.indexOf(c) >= 0;
    }
}
