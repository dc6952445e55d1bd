package org.attune.kernel.trial;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.attune.kernel.run.AdapterFolder;
import org.attune.kernel.spec.OptionBinder;
import org.attune.kernel.spec.PluginRef;
import org.attune.kernel.spec.SpecNode;
import org.attune.kernel.spec.TrialSpec;
import org.attune.model.Model;
import org.attune.plugin.UserError;
import org.attune.training.Adapter;

/** The saved adapters that a spec's adapters begin from: their options and the values of their parameters. */
final class SavedAdapters {
    private final Model model;
    private final Map<String, double[]> values = new LinkedHashMap<>();
    private final Set<String> merged = new LinkedHashSet<>();
    /** Folders of our own form that were added: of each there is one for all its adapters. */
    private final Set<Path> added = new HashSet<>();

    /** Nothing yet. */
    SavedAdapters(Model model) {
        this.model = model;
    }

    /**
     * An adapter with the options that its folder, or its several folders, state; what the spec itself gives counts before them.
     *
     * @throws UserError if a folder is no adapter, or another's, or asks for what the plug-in does not do
     */
    static <O extends Record> PluginRef withOptions(PluginRef ref, Adapter<O> adapter) {
        if (ref.from().isEmpty()) {
            return ref;
        }
        Map<String, Object> options = new LinkedHashMap<>(
                ref.single().isPresent() ? ofOne(ref, ref.single().get(), adapter) : ofSeveral(ref, adapter));
        if (ref.options() instanceof SpecNode.Fields given) {
            options.putAll(given.fields());
        }
        return ref.withOptions(options);
    }

    private static <O extends Record> Map<String, Object> ofOne(PluginRef ref, Path folder, Adapter<O> adapter) {
        AdapterFolder saved = AdapterFolder.read(folder);
        return saved.isOurs() ? ofOurs(ref, folder, saved.parts()) : ofPeft(ref, folder, saved.config(), adapter);
    }

    private static <O extends Record> Map<String, Object> ofSeveral(PluginRef ref, Adapter<O> adapter) {
        Map<String, Map<String, Object>> configs = new LinkedHashMap<>();
        ref.from()
                .forEach((name, folder) ->
                        configs.put(name, AdapterFolder.read(folder).config()));
        try {
            Adapter.Composition<O> composition = adapter.composition()
                    .orElseThrow(() -> new Adapter.UnsupportedMethod("it is not made of several adapters"));
            return new OptionBinder().describe(composition.options(configs));
        } catch (Adapter.UnsupportedMethod e) {
            throw wrong(ref, ref.from(), e.getMessage());
        }
    }

    private static Map<String, Object> ofOurs(PluginRef ref, Path folder, List<AdapterFolder.Part> parts) {
        return parts.stream()
                .filter(part ->
                        part.ref().name().equals(ref.name()) && part.ref().as().equals(ref.as()))
                .findFirst()
                .map(AdapterFolder.Part::options)
                .orElseThrow(() -> wrong(
                        ref,
                        folder,
                        "it holds the adapters "
                                + parts.stream()
                                        .map(part -> part.ref().called())
                                        .toList()));
    }

    private static <O extends Record> Map<String, Object> ofPeft(
            PluginRef ref, Path folder, Map<String, Object> config, Adapter<O> adapter) {
        Optional<Adapter.PeftFormat<O>> format = adapter.peft();
        if (format.isEmpty() || !format.get().type().equals(config.get("peft_type"))) {
            throw wrong(ref, folder, "its peft_type is " + config.get("peft_type"));
        }
        try {
            return new OptionBinder().describe(format.get().read(config));
        } catch (Adapter.UnsupportedMethod e) {
            throw wrong(ref, folder, e.getMessage());
        }
    }

    private static UserError wrong(PluginRef ref, Object folders, String why) {
        return new UserError(
                ref.options().place() + ": adapter '" + ref.name() + "' cannot begin from " + folders + ": " + why);
    }

    /**
     * Adds what an adapter begins with; nothing where no folder has it. Of several heads the first counts.
     *
     * @throws UserError if two folders have a value for one parameter
     */
    void add(PluginRef ref, Adapter<?> adapter) {
        ref.from().forEach((part, folder) -> {
            AdapterFolder saved = AdapterFolder.read(folder);
            if (saved.isOurs() && !added.add(folder)) {
                return;
            }
            merged.addAll(saved.merged());
            if (part.equals(PluginRef.SINGLE)) {
                saved.values(model, ref.scope()).forEach((name, elements) -> put(folder, name, elements));
            } else {
                saved.values(model)
                        .forEach((name, elements) -> adapter.composition()
                                .flatMap(composition -> composition.name(part, name))
                                .ifPresent(own -> put(folder, ref.scope().in(own), elements)));
            }
        });
    }

    private void put(Path folder, String name, double[] elements) {
        if (values.putIfAbsent(name, elements) != null && !AdapterFolder.inHead(name, model)) {
            throw new UserError(
                    folder + ": holds '" + name + "', which another adapter that this spec begins from holds"
                            + " too; give one of them a name of its own: as: NAME");
        }
    }

    Map<String, double[]> values() {
        return values;
    }

    /** The weights of the base model among them that are kept and not trained. */
    Set<String> merged() {
        return merged;
    }

    /** The folders that a spec's adapters begin from. */
    static Set<Path> folders(TrialSpec spec) {
        Set<Path> folders = new LinkedHashSet<>();
        spec.adapters().forEach(ref -> folders.addAll(ref.from().values()));
        return folders;
    }
}
