package org.attune.kernel.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Locale;
import org.attune.kernel.plugins.PluginLease;
import org.attune.plugin.UserError;
import org.attune.tensor.DType;
import org.attune.tensor.engine.TensorEngine;

/**
 * The record of what made a run: {@code provenance.json}. Seeds and fingerprints are the run's; a sitting, from start or resume
 * to its end, has its own machine, versions, plug-ins and times. A resumed run adds a sitting. Not thread-safe.
 *
 * <pre>{@code
 * {"seeds": {...}, "data": {...}, "model": {...},
 *  "segments": [{"from_step": 500, "adapters": [{"name": "gralora", "options": {...}}], "former": "merged"}],
 *  "sittings": [{"start": "2026-01-01T10:00:00Z", "attune": "0.1.0", "engine": {...}, "machine": {...},
 *                "plugins": [{"kind": "adapter", "name": "lora", "version": "1.0.0", "bundle": "org.attune.peft",
 *                             "sha256": "...", "from_step": 0}],
 *                "end": "2026-01-01T10:01:00Z", "peak_memory": {"bytes": 1, "source": "..."}}]}
 * }</pre>
 */
public final class Provenance {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String SITTINGS = "sittings";

    private final ObjectNode json;
    private final ObjectNode sitting;
    private final Clock clock;

    /**
     * A new run's.
     *
     * @param precision of the base model's matrices and of activations
     */
    public Provenance(String attuneVersion, TensorEngine engine, DType precision, Clock clock) {
        this(JSON.createObjectNode(), attuneVersion, engine, precision, clock);
        json.putObject("seeds");
    }

    private Provenance(ObjectNode json, String attuneVersion, TensorEngine engine, DType precision, Clock clock) {
        this.json = json;
        this.clock = clock;
        this.sitting = json.withArray(SITTINGS).addObject();
        sitting.put("start", clock.instant().toString());
        sitting.put("attune", attuneVersion);
        sitting.putObject("engine")
                .put("name", engine.name())
                .put("type", engine.dtype().name().toLowerCase(Locale.ROOT))
                .put("precision", precision.name().toLowerCase(Locale.ROOT));
        sitting.set("machine", Machine.describe());
        sitting.putArray("plugins");
    }

    /**
     * A resumed run's, with another sitting.
     *
     * @throws UserError if the file is missing or not a run's
     */
    public static Provenance resume(
            Path file, String attuneVersion, TensorEngine engine, DType precision, Clock clock) {
        try {
            JsonNode json = JSON.readTree(Files.readAllBytes(file));
            if (json instanceof ObjectNode object && object.get(SITTINGS) instanceof ArrayNode) {
                return new Provenance(object, attuneVersion, engine, precision, clock);
            }
            throw new UserError(file + ": not a run's provenance, it has no list of " + SITTINGS);
        } catch (JsonProcessingException e) {
            throw new UserError(file + ": not valid JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw UserError.cannot("read", file, e);
        }
    }

    /** A random seed as it was resolved, for example of {@code sampler}. */
    public void seed(String what, long value) {
        json.withObject("/seeds").put(what, value);
    }

    /** What {@code data} or {@code model} was used: where it came from and its fingerprint. */
    public void source(String what, String source, String fingerprint) {
        json.putObject(what).put("source", source).put("fingerprint", fingerprint);
    }

    /** The fingerprint that {@link #source} was given, of this or an earlier sitting; null for none. */
    public String fingerprint(String what) {
        return json.path(what).path("fingerprint").textValue();
    }

    /**
     * A plug-in that takes part from now on.
     *
     * @param step optimiser steps done; above 0 for a plug-in that was swapped in
     */
    public void plugin(PluginLease.Origin plugin, long step) {
        sitting.withArray("plugins")
                .addObject()
                .put("kind", plugin.kind())
                .put("name", plugin.name())
                .put("version", plugin.version())
                .put("bundle", plugin.bundle())
                .put("sha256", checksum(plugin.location()))
                .put("from_step", step);
    }

    /**
     * Another method from here on.
     *
     * @param step optimiser steps done
     * @param adapters that take part now, with their options
     * @param former what became of the former ones
     */
    public void segment(long step, List<AdapterFolder.Part> adapters, String former) {
        ObjectNode segment = json.withArray("segments").addObject().put("from_step", step);
        segment.set("adapters", JSON.valueToTree(adapters));
        segment.put("former", former);
    }

    /** Of the bundle's jar, where its location is a file; else null. */
    private static String checksum(String location) {
        try {
            URI uri = URI.create(location.startsWith("reference:") ? location.substring(10) : location);
            if (!"file".equals(uri.getScheme())) {
                return null;
            }
            Path jar = uri.isOpaque() ? Path.of(uri.getSchemeSpecificPart()) : Path.of(uri); // opaque: a relative path
            return Files.isRegularFile(jar) && Files.isReadable(jar) ? Sha256.of(jar) : null;
        } catch (IllegalArgumentException | IOException e) {
            return null; // A location is any text, and the file may be gone since.
        }
    }

    /** Ends the sitting, or, called again, moves its end. */
    public void end(PeakMemory peak) {
        sitting.put("end", clock.instant().toString());
        sitting.putObject("peak_memory").put("bytes", peak.bytes()).put("source", peak.source());
    }

    /** A copy of the record. */
    public ObjectNode toJson() {
        return json.deepCopy();
    }

    /** Writes the record. @throws UserError if it cannot be written */
    public void write(Path file) {
        DurableFiles.write(file, json.toPrettyString().getBytes(StandardCharsets.UTF_8));
    }
}
