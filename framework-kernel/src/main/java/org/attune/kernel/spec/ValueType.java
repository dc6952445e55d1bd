package org.attune.kernel.spec;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A type that an option can have.
 *
 * @param label as help shows it: {@code integer}, {@code one of: a, b}
 * @param expected as an error asks for it: {@code a whole number}
 * @param plural of several such values
 * @param parse null for a text that is no such value
 */
record ValueType(String label, String expected, String plural, Function<String, Object> parse) {
    private static final Pattern NUMBER = Pattern.compile("[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]{1,4})?");

    /** No number is longer; the limit keeps exact parsing short. */
    private static final int LONGEST_NUMBER = 400;

    /** The type of a value, or of each value where {@code type} is a list or a mapping of names. */
    static ValueType of(Type type, Path base) {
        if (type == int.class || type == Integer.class) {
            return new ValueType("integer", "a whole number", "integers", ValueType::integer);
        }
        if (type == long.class) {
            return new ValueType("integer", "a whole number", "integers", ValueType::whole);
        }
        if (type == double.class || type == Double.class) {
            return new ValueType("number", "a number", "numbers", ValueType::number);
        }
        if (type == boolean.class) {
            return new ValueType("true or false", "true or false", "flags", ValueType::flag);
        }
        if (type == String.class) {
            return new ValueType("text", "text", "text", text -> text);
        }
        if (type == Path.class) {
            return new ValueType("path", "a path", "paths", text -> path(text, base));
        }
        if (type instanceof Class<?> constants && constants.isEnum()) {
            return oneOf(constants);
        }
        if (type instanceof ParameterizedType list && list.getRawType() == List.class) {
            return of(list.getActualTypeArguments()[0], base);
        }
        if (isMap(type)) {
            return of(((ParameterizedType) type).getActualTypeArguments()[1], base);
        }
        throw new IllegalArgumentException("an option cannot be of " + type);
    }

    static boolean isList(Type type) {
        return type instanceof ParameterizedType list && list.getRawType() == List.class;
    }

    static boolean isMap(Type type) {
        return type instanceof ParameterizedType map && map.getRawType() == Map.class;
    }

    /** An enum constant as a spec writes it. */
    static String written(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private static ValueType oneOf(Class<?> constants) {
        List<Enum<?>> values = Arrays.stream(constants.getEnumConstants())
                .<Enum<?>>map(constant -> (Enum<?>) constant)
                .toList();
        String names = values.stream().map(ValueType::written).collect(Collectors.joining(", "));
        Function<String, Object> parse = text -> {
            String wanted = text.toLowerCase(Locale.ROOT).replace('_', '-');
            return values.stream()
                    .filter(value -> written(value).equals(wanted))
                    .findFirst()
                    .orElse(null);
        };
        return new ValueType("one of: " + names, "one of " + names, names, parse);
    }

    private static Integer integer(String text) {
        Long value = whole(text);
        return value != null && value == value.intValue() ? (Integer) value.intValue() : null;
    }

    /** 1e3 and 8.0 are whole numbers too. */
    private static Long whole(String text) {
        if (text.length() > LONGEST_NUMBER || !NUMBER.matcher(text).matches()) {
            return null;
        }
        BigDecimal value = new BigDecimal(text);
        boolean within = value.compareTo(BigDecimal.valueOf(Long.MIN_VALUE)) >= 0
                && value.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) <= 0;
        return within && value.stripTrailingZeros().scale() <= 0 ? (Long) value.longValueExact() : null;
    }

    private static Double number(String text) {
        if (text.length() > LONGEST_NUMBER || !NUMBER.matcher(text).matches()) {
            return null;
        }
        double value = Double.parseDouble(text);
        return Double.isFinite(value) ? (Double) value : null;
    }

    private static Boolean flag(String text) {
        return switch (text) {
            case "true" -> true;
            case "false" -> false;
            default -> null;
        };
    }

    private static Path path(String text, Path base) {
        try {
            return base.resolve(text).toAbsolutePath().normalize();
        } catch (InvalidPathException e) {
            return null; // the caller names the option and the text
        }
    }
}
