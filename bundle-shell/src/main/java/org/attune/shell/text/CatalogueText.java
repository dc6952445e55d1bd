package org.attune.shell.text;

import java.util.Comparator;
import java.util.List;
import org.attune.plugin.UserError;
import org.attune.trial.CacheStats;
import org.attune.trial.Catalogue;
import org.attune.trial.Catalogue.EngineInfo;
import org.attune.trial.Catalogue.ModelInfo;
import org.attune.trial.Catalogue.OperationInfo;
import org.attune.trial.Catalogue.OptionInfo;
import org.attune.trial.Catalogue.PluginInfo;
import org.attune.trial.Trial;

/** What is installed and resident, as tables. */
public final class CatalogueText {
    /** So many operations of an engine are shown each by itself. */
    private static final int SHOWN = 15;

    private CatalogueText() {}

    public static String plugins(Catalogue catalogue, int width, Glyphs glyphs) {
        TextTable table = new TextTable("kind", "name", "version", "what it does");
        catalogue.plugins().stream()
                .sorted(Comparator.comparing(PluginInfo::kind).thenComparing(PluginInfo::name))
                .forEach(plugin -> table.row(plugin.kind(), plugin.name(), plugin.version(), plugin.description()));
        return table.isEmpty() ? "No plug-in is installed.\n" : table.render(width, glyphs);
    }

    /**
     * The options of all plug-ins of this name, whatever their kind.
     *
     * @throws UserError if there is none
     */
    public static String options(Catalogue catalogue, String name, int width, Glyphs glyphs) {
        List<PluginInfo> found = catalogue.plugins().stream()
                .filter(plugin -> plugin.name().equals(name))
                .toList();
        if (found.isEmpty()) {
            throw new UserError("no plug-in \"" + name + "\"; there are: " + String.join(", ", names(catalogue)));
        }
        StringBuilder text = new StringBuilder();
        for (PluginInfo plugin : found) {
            text.append(text.isEmpty() ? "" : "\n")
                    .append(plugin.kind() + " " + plugin.name() + " " + plugin.version() + " (" + plugin.bundle()
                            + ")\n")
                    .append(plugin.description())
                    .append("\n\n")
                    .append(options(plugin, width, glyphs));
        }
        return text.toString();
    }

    private static String options(PluginInfo plugin, int width, Glyphs glyphs) {
        if (plugin.options().isEmpty()) {
            return "It has no options.\n";
        }
        TextTable table = new TextTable("option", "type", "default", "range", "what it does");
        for (OptionInfo option : plugin.options()) {
            String defaults = option.defaults() == null ? "(required)" : option.defaults();
            table.row(option.name(), option.type(), defaults, option.range(), option.description());
        }
        return table.render(width, glyphs);
    }

    /** All names once, in order. */
    public static List<String> names(Catalogue catalogue) {
        return catalogue.plugins().stream()
                .map(PluginInfo::name)
                .distinct()
                .sorted()
                .toList();
    }

    public static String models(Catalogue catalogue, int width, Glyphs glyphs) {
        TextTable models =
                new TextTable("base model", "family", "engine", "numbers", "parameters", "trials", "fingerprint");
        for (ModelInfo model : catalogue.models()) {
            models.row(
                    model.source(),
                    model.family(),
                    model.engine(),
                    model.type(),
                    Numbers.whole(model.parameters()),
                    String.valueOf(model.users()),
                    glyphs.cut(model.fingerprint(), 20));
        }
        return (models.isEmpty()
                        ? "No base model is in memory: a trial loads its own when it starts.\n"
                        : models.render(width, glyphs))
                + "\n"
                + engines(catalogue, width, glyphs);
    }

    private static String engines(Catalogue catalogue, int width, Glyphs glyphs) {
        TextTable engines =
                new TextTable("engine", "numbers", "memory in use", "peak", "kept for reuse", "kernel calls");
        for (EngineInfo engine : catalogue.engines()) {
            engines.row(
                    engine.name(),
                    engine.type(),
                    Numbers.bytes(engine.liveBytes()),
                    Numbers.bytes(engine.peakBytes()),
                    Numbers.bytes(engine.pooledBytes()),
                    Numbers.whole(engine.kernelCalls()));
        }
        return engines.isEmpty() ? "No tensor engine is installed.\n" : engines.render(width, glyphs);
    }

    /**
     * What the tensor engines hold, what trials keep of frozen layers, and what the engines have spent their time on, the costliest
     * operations first.
     */
    public static String stats(Catalogue catalogue, List<Trial> trials, int width, Glyphs glyphs) {
        StringBuilder text = new StringBuilder(engines(catalogue, width, glyphs));
        TextTable caches = new TextTable("trial", "frozen layers in memory", "in files", "examples spared", "computed");
        for (Trial trial : trials) {
            CacheStats cache = trial.cache();
            if (!cache.equals(CacheStats.NONE)) {
                caches.row(
                        trial.id(),
                        Numbers.bytes(cache.memoryBytes()),
                        Numbers.bytes(cache.diskBytes()),
                        Numbers.whole(cache.hits()),
                        Numbers.whole(cache.misses()));
            }
        }
        if (!caches.isEmpty()) {
            text.append('\n').append(caches.render(width, glyphs));
        }
        for (EngineInfo engine : catalogue.engines()) {
            if (!engine.operations().isEmpty()) {
                text.append('\n').append(operations(engine, width, glyphs));
            }
        }
        return text.toString();
    }

    private static String operations(EngineInfo engine, int width, Glyphs glyphs) {
        TextTable table = new TextTable(engine.name() + " operation", "calls", "time", "share", "GFLOP/s", "GB/s");
        double all =
                engine.operations().stream().mapToDouble(OperationInfo::seconds).sum();
        engine.operations().stream().limit(SHOWN).forEach(o -> operation(table, o, all));
        List<OperationInfo> rest = engine.operations().stream().skip(SHOWN).toList();
        if (!rest.isEmpty()) {
            operation(table, sum(rest.size() + " others", rest), all);
        }
        operation(table, sum("all", engine.operations()), all);
        return table.render(width, glyphs);
    }

    private static void operation(TextTable table, OperationInfo o, double all) {
        table.row(
                o.name(),
                Numbers.whole(o.calls()),
                Numbers.seconds(o.seconds()),
                Numbers.share(o.seconds(), all),
                o.flops() == 0 ? "-" : Numbers.rate(o.flops() / o.seconds() / 1e9),
                o.seconds() == 0 ? "-" : Numbers.rate(o.bytes() / o.seconds() / 1e9));
    }

    private static OperationInfo sum(String name, List<OperationInfo> operations) {
        return new OperationInfo(
                name,
                operations.stream().mapToLong(OperationInfo::calls).sum(),
                operations.stream().mapToDouble(OperationInfo::seconds).sum(),
                operations.stream().mapToLong(OperationInfo::flops).sum(),
                operations.stream().mapToLong(OperationInfo::bytes).sum());
    }
}
