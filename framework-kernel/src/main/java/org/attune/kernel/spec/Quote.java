package org.attune.kernel.spec;

/** A user's own text inside an error message; what is added is ASCII, which every terminal shows. */
final class Quote {
    private static final int LONGEST = 60;

    private Quote() {}

    /** The text in quotes, on one line, without control characters, cut where it is long. */
    static String of(String text) {
        String line = oneLine(text);
        int end = Math.min(line.length(), LONGEST);
        if (end < line.length() && Character.isHighSurrogate(line.charAt(end - 1))) {
            end--;
        }
        return "'" + line.substring(0, end) + (end < line.length() ? "...'" : "'");
    }

    /** The text with line ends and other control characters collapsed into a space or replaced by a question mark. */
    static String oneLine(String text) {
        return text.replaceAll("\\s*\\R\\s*", " ").replaceAll("\\p{Cntrl}", "?");
    }
}
