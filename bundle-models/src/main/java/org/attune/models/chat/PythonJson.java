package org.attune.models.chat;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.Filter;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** The filter {@code tojson(indent=…)} as transformers has it: Python's {@code json.dumps(x, ensure_ascii=False)}. */
public final class PythonJson implements Filter {
    @Override
    public String getName() {
        return "tojson";
    }

    @Override
    public Object filter(Object value, JinjavaInterpreter interpreter, String... arguments) {
        return text(value, arguments.length > 0 ? Integer.parseInt(arguments[0]) : 0);
    }

    @Override
    public Object filter(Object value, JinjavaInterpreter interpreter, Object[] arguments, Map<String, Object> named) {
        Object indent = named.getOrDefault("indent", arguments.length > 0 ? arguments[0] : null);
        return text(value, indent instanceof Number n ? n.intValue() : 0);
    }

    /** @param indent spaces a level; 0 for one line */
    static String text(Object value, int indent) {
        StringBuilder out = new StringBuilder();
        write(value, indent, 0, out);
        return out.toString();
    }

    private static void write(Object value, int indent, int level, StringBuilder out) {
        if (value instanceof Map<?, ?> map) {
            out.append('{');
            Iterator<? extends Map.Entry<?, ?>> entries = map.entrySet().iterator();
            while (entries.hasNext()) {
                Map.Entry<?, ?> entry = entries.next();
                line(indent, level + 1, out);
                quote(entry.getKey().toString(), out);
                out.append(": ");
                write(entry.getValue(), indent, level + 1, out);
                separate(entries, indent, out);
            }
            line(map.isEmpty() ? 0 : indent, level, out);
            out.append('}');
        } else if (value instanceof List<?> list) {
            out.append('[');
            Iterator<?> items = list.iterator();
            while (items.hasNext()) {
                line(indent, level + 1, out);
                write(items.next(), indent, level + 1, out);
                separate(items, indent, out);
            }
            line(list.isEmpty() ? 0 : indent, level, out);
            out.append(']');
        } else if (value == null || value instanceof Number || value instanceof Boolean) {
            out.append(value);
        } else {
            quote(value.toString(), out);
        }
    }

    private static void separate(Iterator<?> rest, int indent, StringBuilder out) {
        if (rest.hasNext()) {
            out.append(indent > 0 ? "," : ", ");
        }
    }

    private static void line(int indent, int level, StringBuilder out) {
        if (indent > 0) {
            out.append('\n').append(" ".repeat(indent * level));
        }
    }

    private static void quote(String text, StringBuilder out) {
        out.append('"')
                .append(JsonStringEncoder.getInstance().quoteAsString(text))
                .append('"');
    }
}
