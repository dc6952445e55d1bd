package org.attune.kernel.merge;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.attune.kernel.plugins.Engines;
import org.attune.kernel.plugins.ModelPool;
import org.attune.kernel.run.DurableFiles;
import org.attune.model.ModelExporter;
import org.attune.model.WeightForm;
import org.attune.plugin.UserError;
import org.attune.tensor.engine.TensorEngine;
import org.attune.trial.ModelExport;

/**
 * Hands a model in the engine's own precision to the exporter of a format.
 *
 * @param exporters those that are there now
 */
public record Exports(Engines engines, ModelPool pool, List<ModelExporter> exporters) implements ModelExport {
    @Override
    public void export(String source, Path base, String format, String type, Path to) {
        ModelExporter exporter = exporters.stream()
                .filter(e -> e.format().equals(format))
                .findFirst()
                .orElseThrow(() -> new UserError("no format '" + format + "' is there; there are "
                        + exporters.stream().map(ModelExporter::format).toList()));
        if (!exporter.types().contains(type)) {
            throw new UserError(format + " has no type '" + type + "' here; it has " + exporter.types());
        }
        if (Files.exists(to)) {
            throw new UserError(to + ": is there already; name a file that is not");
        }
        TensorEngine engine =
                engines.list().stream().findFirst().orElseThrow(() -> new UserError("no tensor engine is there"));
        try (ModelPool.Lease lease = pool.acquire(source, base, engine, WeightForm.decoded(engine.dtype()))) {
            Map<String, byte[]> files = lease.files()
                    .orElseThrow(() -> new UserError("model " + source
                            + ": has no config.json and tokenizer.json, which an export is made with"));
            String name = lease.source().replaceFirst("@.*", "").replaceFirst(".*[/\\\\:]", "");
            DurableFiles.write(to, aside -> exporter.export(lease.model(), name, files, type, aside));
        }
    }
}
