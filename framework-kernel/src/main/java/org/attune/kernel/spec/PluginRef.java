package org.attune.kernel.spec;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * A plug-in as a spec names it.
 *
 * @param name its {@code attune.name}
 * @param version the version asked for ({@code lora@1.2}); empty for the highest
 * @param options the options given, not yet bound to the plug-in's record
 * @param from of an adapter: the folders of saved ones to begin from, by name, the empty name for a single one; empty to begin anew
 */
public record PluginRef(String name, Optional<String> version, SpecNode options, Map<String, Path> from) {
    /** The name of a saved adapter that has none. */
    public static final String SINGLE = "";

    public PluginRef(String name, Optional<String> version, SpecNode options) {
        this(name, version, options, Map.of());
    }

    /** The saved adapter that this one goes on with; empty where it begins anew, or is made of several. */
    public Optional<Path> single() {
        return Optional.ofNullable(from.get(SINGLE));
    }

    /** The highest version with the options that it has by default. */
    public static PluginRef named(String name) {
        return new PluginRef(name, Optional.empty(), new SpecNode.Fields(Map.of(), "the options of '" + name + "'"));
    }

    /** The same plug-in with these options, as {@link OptionBinder#describe} gives them. */
    public PluginRef withOptions(Map<String, Object> values) {
        return new PluginRef(name, version, SpecNode.of(values, options.place()), from);
    }

    /** The same plug-in, begun anew. */
    public PluginRef withoutFrom() {
        return new PluginRef(name, version, options);
    }

    /** {@code lora} or {@code lora@1.2}. */
    @Override
    public String toString() {
        return version.map(number -> name + "@" + number).orElse(name);
    }
}
