package org.attune.kernel.profile;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.kernel.profile.Recording.Call;
import org.attune.plugin.UserError;

/** Calls in the Trace Event Format: opens in Perfetto and in chrome://tracing, one row a thread. Times in microseconds. */
final class ChromeTrace {
    private static final int PROCESS = 1;

    private ChromeTrace() {}

    static void write(Path file, List<Call> calls, long dropped) {
        long origin = calls.stream().mapToLong(Call::start).min().orElse(0);
        Map<String, Integer> threads = new LinkedHashMap<>();
        calls.forEach(c -> threads.putIfAbsent(c.thread(), threads.size() + 1));
        try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file));
                JsonGenerator json = new JsonFactory().createGenerator(out)) {
            json.writeStartObject();
            json.writeStringField("displayTimeUnit", "ms");
            json.writeObjectFieldStart("otherData");
            json.writeNumberField("calls", calls.size());
            json.writeNumberField("later calls left out", dropped);
            json.writeEndObject();
            json.writeArrayFieldStart("traceEvents");
            for (Map.Entry<String, Integer> thread : threads.entrySet()) {
                event(json, "thread_name", "M", thread.getValue());
                json.writeObjectFieldStart("args");
                json.writeStringField("name", thread.getKey());
                json.writeEndObject();
                json.writeEndObject();
                json.writeRaw('\n');
            }
            for (Call call : calls) {
                event(json, call.name(), "X", threads.get(call.thread()));
                json.writeStringField("cat", call.work() == null ? "trial" : "operation");
                json.writeFieldName("ts");
                json.writeNumber(BigDecimal.valueOf(call.start() - origin, 3));
                json.writeFieldName("dur");
                json.writeNumber(BigDecimal.valueOf(call.end() - call.start(), 3));
                if (call.work() != null) {
                    json.writeObjectFieldStart("args");
                    json.writeNumberField("bytes", call.work().bytes());
                    json.writeNumberField("flops", call.work().flops());
                    json.writeEndObject();
                }
                json.writeEndObject();
                json.writeRaw('\n');
            }
            json.writeEndArray();
            json.writeEndObject();
        } catch (IOException e) {
            throw UserError.cannot("write", file, e);
        }
    }

    /** The beginning of an event, which the caller ends. */
    private static void event(JsonGenerator json, String name, String phase, int thread) throws IOException {
        json.writeStartObject();
        json.writeStringField("name", name);
        json.writeStringField("ph", phase);
        json.writeNumberField("pid", PROCESS);
        json.writeNumberField("tid", thread);
    }
}
