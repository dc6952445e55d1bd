package org.attune.sources;

import java.io.IOException;
import java.io.Reader;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads the rows of RFC 4180. A line ends with LF, CR LF or CR; empty lines are skipped; a quote inside an unquoted field stands
 * for itself. Of our own because the parsers at hand either lose the line on which a row began (Jackson) or take a
 * quote that is never closed for the rest of the file (FastCSV).
 */
final class CsvRows {
    /** Stands for a quote that never occurs. */
    static final int NO_QUOTE = -2;

    private static final int END = -1;

    private final Reader in;
    private final int delimiter;
    private final int quote;
    private final TextFile file;
    private int next;
    private long line = 1;

    CsvRows(Reader in, int delimiter, int quote, TextFile file) throws IOException {
        this.in = in;
        this.delimiter = delimiter;
        this.quote = quote;
        this.file = file;
        this.next = in.read();
    }

    /** @param line on which it begins, from 1 */
    record Row(long line, List<String> cells) {}

    /** The next row, null at the end. */
    Row next() throws IOException {
        while (atLineEnd()) {
            take();
        }
        if (next == END) {
            return null;
        }
        long start = line;
        List<String> cells = new ArrayList<>();
        cells.add(cell());
        while (next == delimiter) {
            take();
            cells.add(cell());
        }
        return new Row(start, cells);
    }

    private String cell() throws IOException {
        return next == quote ? quoted() : plain();
    }

    private String plain() throws IOException {
        StringBuilder cell = new StringBuilder();
        while (next != delimiter && next != END && !atLineEnd()) {
            cell.append(take());
        }
        return cell.toString();
    }

    private String quoted() throws IOException {
        long start = line;
        StringBuilder cell = new StringBuilder();
        take();
        while (true) {
            if (next == END) {
                throw file.at(start, "a quoted field begins here, but its closing quote is missing");
            }
            boolean mayClose = next == quote;
            char taken = take();
            if (!mayClose) {
                cell.append(taken);
            } else if (next == quote) { // doubled: stands for one
                cell.append(take());
            } else if (next == delimiter || next == END || atLineEnd()) {
                return cell.toString();
            } else {
                throw file.at(
                        line,
                        "'" + (char) next
                                + "' follows a closing quote; a quote inside a quoted field is written twice");
            }
        }
    }

    private boolean atLineEnd() {
        return next == '\n' || next == '\r';
    }

    private char take() throws IOException {
        char taken = (char) next;
        next = in.read();
        if (taken == '\n' || taken == '\r' && next != '\n') {
            line++;
        }
        return taken;
    }
}
