package org.attune.shell.text;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** A curve drawn with characters, eight lines high. */
final class LineChart {
    private static final int HEIGHT = 8;
    private static final int WIDEST = 72;

    private LineChart() {}

    /**
     * Draws the mean of the points that fall on each column.
     *
     * @param points pairs of x and y in order of x; what is not finite is left out
     */
    static String render(List<double[]> points, int width, Glyphs glyphs) {
        List<double[]> finite =
                points.stream().filter(point -> Double.isFinite(point[1])).toList();
        if (finite.size() < 2) {
            return "";
        }
        double low = finite.stream().mapToDouble(point -> point[1]).min().orElseThrow();
        double high = finite.stream().mapToDouble(point -> point[1]).max().orElseThrow();
        String top = label(high);
        String bottom = label(low);
        int margin = Math.max(top.length(), bottom.length());
        int columns = Math.min(finite.size(), Math.max(2, Math.min(width, WIDEST) - margin - 3));
        int[] rows = rows(finite, columns, low, high);
        char[][] canvas = draw(rows, glyphs.curve);

        StringBuilder text = new StringBuilder();
        for (int row = HEIGHT - 1; row >= 0; row--) {
            String label = row == HEIGHT - 1 ? top : row == 0 ? bottom : "";
            text.append(" ".repeat(margin - label.length()))
                    .append(label)
                    .append(' ')
                    .append(glyphs.curve.charAt(6))
                    .append(new String(canvas[row]).stripTrailing())
                    .append('\n');
        }
        String first = String.format(Locale.ROOT, "%.0f", finite.get(0)[0]);
        String end = String.format(Locale.ROOT, "%.0f", finite.get(finite.size() - 1)[0]);
        text.append(" ".repeat(margin + 2))
                .append(first)
                .append(" ".repeat(Math.max(1, columns - first.length() - end.length())))
                .append(end)
                .append('\n');
        return text.toString();
    }

    private static String label(double value) {
        return String.format(Locale.ROOT, Math.abs(value) >= 0.01 || value == 0 ? "%.2f" : "%.1e", value);
    }

    private static int[] rows(List<double[]> points, int columns, double low, double high) {
        int[] rows = new int[columns];
        for (int c = 0; c < columns; c++) {
            double mean = points.subList(c * points.size() / columns, (c + 1) * points.size() / columns).stream()
                    .mapToDouble(point -> point[1])
                    .average()
                    .orElseThrow();
            rows[c] = high == low ? 0 : (int) Math.round((mean - low) / (high - low) * (HEIGHT - 1));
        }
        return rows;
    }

    /** Each column enters at the row of the one before and leaves at its own. */
    private static char[][] draw(int[] rows, String curve) {
        char[][] canvas = new char[HEIGHT][rows.length];
        for (char[] line : canvas) {
            Arrays.fill(line, ' ');
        }
        for (int c = 0; c < rows.length; c++) {
            int from = c == 0 ? rows[0] : rows[c - 1];
            int to = rows[c];
            if (from == to) {
                canvas[to][c] = curve.charAt(5);
                continue;
            }
            boolean falls = to < from;
            canvas[from][c] = curve.charAt(falls ? 1 : 3);
            canvas[to][c] = curve.charAt(falls ? 2 : 0);
            for (int row = Math.min(from, to) + 1; row < Math.max(from, to); row++) {
                canvas[row][c] = curve.charAt(4);
            }
        }
        return canvas;
    }
}
