package org.attune.shell.text;

import java.util.Comparator;
import java.util.List;
import org.attune.plugin.UserError;
import org.attune.trial.Catalogue;
import org.attune.trial.Catalogue.EngineInfo;
import org.attune.trial.Catalogue.ModelInfo;
import org.attune.trial.Catalogue.OptionInfo;
import org.attune.trial.Catalogue.PluginInfo;

/** What is installed and resident, as tables. */
public final class CatalogueText {
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
        TextTable models = new TextTable("base model", "family", "engine", "parameters", "trials", "fingerprint");
        for (ModelInfo model : catalogue.models()) {
            models.row(
                    model.source(),
                    model.family(),
                    model.engine(),
                    Numbers.whole(model.parameters()),
                    String.valueOf(model.users()),
                    glyphs.cut(model.fingerprint(), 20));
        }
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
        return (models.isEmpty()
                        ? "No base model is in memory: a trial loads its own when it starts.\n"
                        : models.render(width, glyphs))
                + "\n"
                + (engines.isEmpty() ? "No tensor engine is installed.\n" : engines.render(width, glyphs));
    }
}
