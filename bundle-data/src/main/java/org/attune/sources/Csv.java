package org.attune.sources;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.attune.data.DataSet;
import org.attune.data.DataSource;
import org.attune.data.Example;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.osgi.service.component.annotations.Component;

/**
 * Comma-separated values as in RFC 4180 (quoted fields may hold line ends), UTF-8, one file a split. Each column is a field.
 * Empty lines are skipped. An example's id is {@code file:line}, the line on which its row begins.
 */
@Component(service = DataSource.class)
@AttunePlugin(name = "csv", description = "comma- or tab-separated values, one file a split")
public final class Csv implements DataSource<CsvOptions> {
    @Override
    public Class<CsvOptions> options() {
        return CsvOptions.class;
    }

    @Override
    public DataSet open(CsvOptions options, Surroundings surroundings) {
        int delimiter = options.delimiter().equals("tab") ? '\t' : character("delimiter", options.delimiter());
        int quote = options.quote().isEmpty() ? CsvRows.NO_QUOTE : character("quote", options.quote());
        if (delimiter == quote) {
            throw new UserError("csv: delimiter and quote are both " + options.quote());
        }
        return FileDataSets.open(
                "csv",
                options,
                surroundings.base(),
                file -> file.read(reader -> read(new CsvRows(reader, delimiter, quote, file), file, options)));
    }

    private static int character(String option, String value) {
        if (value.length() != 1 || "\r\n".contains(value)) {
            throw new UserError("csv: " + option + " is '" + value + "'; one character is needed");
        }
        return value.charAt(0);
    }

    private static List<Example> read(CsvRows rows, TextFile file, CsvOptions options) throws IOException {
        List<Example> examples = new ArrayList<>();
        List<String> columns = null;
        for (CsvRows.Row row = rows.next(); row != null; row = rows.next()) {
            if (columns == null) {
                columns = columns(row, options.header(), file);
                if (options.header()) {
                    continue;
                }
            }
            examples.add(new Example(file.id(row.line()), fields(row, columns, file, options)));
        }
        return examples;
    }

    private static Map<String, String> fields(
            CsvRows.Row row, List<String> columns, TextFile file, CsvOptions options) {
        List<String> cells = row.cells();
        if (cells.size() != columns.size()) {
            throw file.at(
                    row.line(),
                    cells.size() + " fields, but " + columns.size() + " columns (" + String.join(", ", columns)
                            + "); a field that holds the delimiter must be quoted");
        }
        Map<String, String> found = new LinkedHashMap<>();
        for (int i = 0; i < cells.size(); i++) {
            found.put(columns.get(i), cells.get(i));
        }
        return FileDataSets.fields(found, options, file, row.line());
    }

    private static List<String> columns(CsvRows.Row first, boolean header, TextFile file) {
        if (!header) {
            return IntStream.rangeClosed(1, first.cells().size())
                    .mapToObj(Integer::toString)
                    .toList();
        }
        Set<String> seen = new HashSet<>();
        for (String name : first.cells()) {
            if (!seen.add(name)) {
                throw file.at(first.line(), "two columns are called '" + name + "'");
            }
        }
        return first.cells();
    }
}
