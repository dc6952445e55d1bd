package org.attune.kernel.spec;

import java.util.Map;
import java.util.Optional;

/**
 * A plug-in as a spec names it.
 *
 * @param name its {@code attune.name}
 * @param version the version asked for ({@code lora@1.2}); empty for the highest
 * @param options the options given, not yet bound to the plug-in's record
 */
public record PluginRef(String name, Optional<String> version, SpecNode options) {
    /** The same plug-in with these options, as {@link OptionBinder#describe} gives them. */
    public PluginRef withOptions(Map<String, Object> values) {
        return new PluginRef(name, version, SpecNode.of(values, options.place()));
    }

    /** {@code lora} or {@code lora@1.2}. */
    @Override
    public String toString() {
        return version.map(number -> name + "@" + number).orElse(name);
    }
}
