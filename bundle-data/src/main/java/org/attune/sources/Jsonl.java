package org.attune.sources;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.data.DataSet;
import org.attune.data.DataSource;
import org.attune.data.Example;
import org.attune.plugin.AttunePlugin;
import org.osgi.service.component.annotations.Component;

/**
 * JSON lines: one object a line, UTF-8, one file a split. Each key is a field; a value that is no text becomes its JSON text; a
 * null counts as absent. Empty lines are skipped. An example's id is {@code file:line}.
 */
@Component(service = DataSource.class)
@AttunePlugin(name = "jsonl", description = "JSON lines: one object a line, one file a split")
public final class Jsonl implements DataSource<JsonlOptions> {
    private static final ObjectReader JSON = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .build()
            .readerFor(JsonNode.class);

    @Override
    public Class<JsonlOptions> options() {
        return JsonlOptions.class;
    }

    @Override
    public DataSet open(JsonlOptions options, Surroundings surroundings) {
        return FileDataSets.open(
                "jsonl", options, surroundings.base(), file -> file.read(reader -> read(reader, file, options)));
    }

    private static List<Example> read(BufferedReader reader, TextFile file, JsonlOptions options) throws IOException {
        List<Example> examples = new ArrayList<>();
        long number = 0;
        for (String line = reader.readLine(); line != null; line = reader.readLine()) {
            number++;
            if (!line.isBlank()) {
                Map<String, String> fields = FileDataSets.fields(parse(line, file, number), options, file, number);
                examples.add(new Example(file.id(number), fields));
            }
        }
        return examples;
    }

    private static Map<String, String> parse(String line, TextFile file, long number) {
        String start = line.strip();
        if (start.charAt(0) != '{') {
            throw file.at(number, "expected a JSON object, found " + snippet(start));
        }
        try {
            Map<String, String> fields = new LinkedHashMap<>();
            for (Map.Entry<String, JsonNode> field :
                    JSON.<JsonNode>readValue(line).properties()) {
                JsonNode value = field.getValue();
                if (!value.isNull()) {
                    fields.put(field.getKey(), value.isTextual() ? value.textValue() : value.toString());
                }
            }
            return fields;
        } catch (JsonProcessingException e) {
            String where = e.getLocation() == null
                    ? ""
                    : " at column " + e.getLocation().getColumnNr();
            // Jackson adds a place in a source that it does not know, in a bracket.
            String reason = e.getOriginalMessage().replaceAll(" \\([^()]*\\[Source: .*", "");
            throw file.at(number, "not a JSON object" + where + ": " + reason, e);
        }
    }

    private static String snippet(String text) {
        return "'" + (text.length() <= 30 ? text : text.substring(0, 30) + "...") + "'";
    }
}
