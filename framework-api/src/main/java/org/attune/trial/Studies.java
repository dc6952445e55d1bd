package org.attune.trial;

import java.nio.file.Path;
import java.util.Map;
import org.osgi.annotation.versioning.ProviderType;

/** Reads studies: one spec, and variants of it that are to be compared; a service of the kernel. */
@ProviderType
public interface Studies {
    /**
     * A study in a file.
     *
     * @param overrides values by dotted key that take the place of the base spec's in all runs, before a variant's own
     * @throws org.attune.plugin.UserError if the study is wrong, or the spec that a variant makes; options of plug-ins are looked at when
     *     a run starts
     */
    Study read(Path file, Map<String, String> overrides);
}
