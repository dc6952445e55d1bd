package org.attune.shell.text;

/** The characters that text is drawn with: some terminals know ASCII only. */
public enum Glyphs {
    UNICODE('█', '░', '─', "…", "↑", "↓", "·", "╭╮╰╯│─┤"),
    ASCII('#', '.', '-', "~", "up", "down", "-", "******|");

    final char full;
    final char empty;
    final char rule;
    /** One character that stands for cut text. */
    final String ellipsis;

    final String up;
    final String down;
    /** Separates items in a line. */
    final String dot;
    /** For {@link LineChart}: the corners right-down, left-down, up-right, up-left, then upright, level and axis. */
    final String curve;

    Glyphs(char full, char empty, char rule, String ellipsis, String up, String down, String dot, String curve) {
        this.full = full;
        this.empty = empty;
        this.rule = rule;
        this.ellipsis = ellipsis;
        this.up = up;
        this.down = down;
        this.dot = dot;
        this.curve = curve;
    }

    String cut(String text, int width) {
        int length = text.codePointCount(0, text.length());
        if (length <= width) {
            return text;
        }
        return text.substring(0, text.offsetByCodePoints(0, Math.max(0, width - 1))) + ellipsis;
    }
}
