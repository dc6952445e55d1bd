package org.attune.models.chat;

import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;

/** The functions that transformers gives to templates. Public, as jinjava calls them by reflection. */
public final class JinjaFunctions {
    /** Python's codes to Java's patterns. */
    private static final Map<Character, String> CODES = Map.ofEntries(
            Map.entry('Y', "yyyy"),
            Map.entry('y', "yy"),
            Map.entry('m', "MM"),
            Map.entry('d', "dd"),
            Map.entry('B', "MMMM"),
            Map.entry('b', "MMM"),
            Map.entry('A', "EEEE"),
            Map.entry('a', "EEE"),
            Map.entry('H', "HH"),
            Map.entry('I', "hh"),
            Map.entry('M', "mm"),
            Map.entry('S', "ss"),
            Map.entry('p', "a"),
            Map.entry('j', "DDD"));

    private JinjaFunctions() {}

    /** A template's own refusal. */
    static final class Raised extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Raised(String message) {
            super(message);
        }
    }

    public static Object raiseException(String message) {
        throw new Raised(message);
    }

    /** The present local time, by a pattern of Python's {@code strftime}. */
    public static String strftimeNow(String pattern) {
        return strftime(LocalDateTime.now(ZoneId.systemDefault()), pattern);
    }

    static String strftime(LocalDateTime time, String pattern) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < pattern.length(); i++) {
            char c = pattern.charAt(i);
            if (c != '%' || i + 1 == pattern.length()) {
                text.append(c);
                continue;
            }
            char code = pattern.charAt(++i);
            boolean unpadded = code == '-' && i + 1 < pattern.length();
            if (unpadded) {
                code = pattern.charAt(++i);
            }
            String java = CODES.get(code);
            if (code == '%') {
                text.append('%');
            } else if (java == null) {
                throw new Raised("strftime_now: %" + code + " is not supported");
            } else {
                String part = DateTimeFormatter.ofPattern(java, Locale.ENGLISH).format(time);
                text.append(unpadded ? part.replaceFirst("^0+(?=.)", "") : part);
            }
        }
        return text.toString();
    }
}
