package org.attune.shell.text;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Aligned columns under a rule. Columns of numbers stand to the right; where the table is too wide, the last column of
 * text wraps between words, then the other texts are cut.
 */
public final class TextTable {
    private static final Pattern NUMBER =
            Pattern.compile("[-+]?[0-9][0-9,]*(\\.[0-9]+)?(e[-+]?[0-9]+)?( [%A-Za-z]{1,3})?|-|NaN|");
    private static final String GAP = "  ";
    /** Narrower than this a column of text is not worth reading. */
    private static final int NARROWEST = 16;

    private final List<String> header;
    private final List<List<String>> rows = new ArrayList<>();

    public TextTable(String... header) {
        this(List.of(header));
    }

    public TextTable(List<String> header) {
        this.header = header;
    }

    public TextTable row(String... cells) {
        return row(List.of(cells));
    }

    public TextTable row(List<String> cells) {
        if (cells.size() != header.size()) {
            throw new IllegalArgumentException(cells.size() + " cells for " + header.size() + " columns: " + cells);
        }
        // A line break or an escape sequence in a cell would destroy the table, or the terminal.
        rows.add(cells.stream().map(cell -> cell.replaceAll("\\p{Cntrl}+", " ")).toList());
        return this;
    }

    public boolean isEmpty() {
        return rows.isEmpty();
    }

    /** The table in lines of at most {@code width} characters, each with its line end. */
    public String render(int width, Glyphs glyphs) {
        int columns = header.size();
        int[] widths = new int[columns];
        boolean[] right = new boolean[columns];
        for (int c = 0; c < columns; c++) {
            widths[c] = length(header.get(c));
            right[c] = !rows.isEmpty();
            for (List<String> row : rows) {
                widths[c] = Math.max(widths[c], length(row.get(c)));
                right[c] &= NUMBER.matcher(row.get(c)).matches();
            }
        }
        int last = columns - 1;
        int excess = (columns - 1) * GAP.length() - width;
        for (int columnWidth : widths) {
            excess += columnWidth;
        }
        if (!right[last]) {
            excess -= shrink(widths, last, excess);
        }
        for (int c = 0; c < last; c++) {
            excess -= right[c] ? 0 : shrink(widths, c, excess);
        }
        StringBuilder text = new StringBuilder();
        line(text, header, widths, right, width, glyphs);
        line(text, rules(widths, glyphs), widths, right, width, glyphs);
        for (List<String> row : rows) {
            List<String> cells = new ArrayList<>(row);
            for (String part : right[last] ? List.of(row.get(last)) : wrap(row.get(last), widths[last])) {
                cells.set(last, part);
                line(text, cells, widths, right, width, glyphs);
                cells.replaceAll(cell -> "");
            }
        }
        return text.toString();
    }

    /** Takes at most {@code excess} from a column; gives what it took. */
    private static int shrink(int[] widths, int column, int excess) {
        int taken = Math.max(0, Math.min(excess, widths[column] - NARROWEST));
        widths[column] -= taken;
        return taken;
    }

    private static List<String> rules(int[] widths, Glyphs glyphs) {
        List<String> rules = new ArrayList<>();
        for (int columnWidth : widths) {
            rules.add(String.valueOf(glyphs.rule).repeat(columnWidth));
        }
        return rules;
    }

    private static void line(
            StringBuilder text, List<String> cells, int[] widths, boolean[] right, int width, Glyphs glyphs) {
        StringBuilder line = new StringBuilder();
        for (int c = 0; c < cells.size(); c++) {
            String cell = cut(cells.get(c), widths[c], glyphs);
            String padding = " ".repeat(widths[c] - length(cell));
            line.append(c == 0 ? "" : GAP).append(right[c] ? padding + cell : cell + padding);
        }
        text.append(glyphs.cut(line.toString().stripTrailing(), width)).append('\n');
    }

    /** Of a path the end says more than the beginning. */
    private static String cut(String cell, int width, Glyphs glyphs) {
        if (length(cell) <= width || cell.indexOf('/') < 0 || cell.indexOf(' ') >= 0) {
            return glyphs.cut(cell, width);
        }
        return glyphs.ellipsis + cell.substring(cell.offsetByCodePoints(cell.length(), 1 - width));
    }

    private static List<String> wrap(String cell, int width) {
        if (length(cell) <= width) {
            return List.of(cell);
        }
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder();
        for (String word : cell.split(" ", -1)) {
            if (!line.isEmpty() && length(line) + 1 + length(word) > width) {
                lines.add(line.toString());
                line.setLength(0);
            }
            line.append(line.isEmpty() ? "" : " ").append(word);
        }
        lines.add(line.toString());
        return lines;
    }

    private static int length(CharSequence text) {
        return Character.codePointCount(text, 0, text.length());
    }
}
