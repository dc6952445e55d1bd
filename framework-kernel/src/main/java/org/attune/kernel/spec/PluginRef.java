package org.attune.kernel.spec;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * A plug-in as a spec names it. The last three are an adapter's.
 *
 * @param name its {@code attune.name}
 * @param version the version asked for ({@code lora@1.2}); empty for the highest
 * @param options the options given, not yet bound to the plug-in's record
 * @param from the folders of saved adapters to begin from, by name, the empty name for a single one; empty to begin anew
 * @param as its own name in the trial, beside others of its method; empty for none
 * @param active whether it acts and is trained
 */
public record PluginRef(
        String name, Optional<String> version, SpecNode options, Map<String, Path> from, String as, boolean active) {
    /** The name of a saved adapter that has none. */
    public static final String SINGLE = "";

    public PluginRef(String name, Optional<String> version, SpecNode options) {
        this(name, version, options, Map.of(), "", true);
    }

    /** What a trial calls the adapter: its own name, or that of the plug-in. */
    public String called() {
        return as.isEmpty() ? name : as;
    }

    /** Under which its parameters lie. */
    public AdapterScope scope() {
        return new AdapterScope(as);
    }

    /** The same adapter, switched on or off. */
    public PluginRef active(boolean on) {
        return new PluginRef(name, version, options, from, as, on);
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
        return new PluginRef(name, version, SpecNode.of(values, options.place()), from, as, active);
    }

    /** The same plug-in, begun anew. */
    public PluginRef withoutFrom() {
        return new PluginRef(name, version, options, Map.of(), as, active);
    }

    /** {@code lora} or {@code lora@1.2}. */
    @Override
    public String toString() {
        return version.map(number -> name + "@" + number).orElse(name);
    }
}
