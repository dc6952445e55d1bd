package org.attune.kernel.spec;

import java.util.Optional;

/**
 * The name that an adapter has in a trial beside others of its method. What it keeps of its own lies under it,
 * {@code first:encoder.layer.0.attention.self.query.lora_A.weight}; the plug-in does not see that.
 *
 * @param name empty for an adapter whose parameters have their plain names
 */
public record AdapterScope(String name) {
    public static final AdapterScope PLAIN = new AdapterScope("");
    private static final char END = ':';

    /** The name under which the trial keeps a parameter of this adapter. */
    public String in(String parameter) {
        return name.isEmpty() ? parameter : name + END + parameter;
    }

    /**
     * What this adapter calls a tensor of the trial: its own, or one that belongs to no adapter with a name.
     *
     * @return empty for another adapter's
     */
    public Optional<String> own(String kept) {
        int end = kept.indexOf(END);
        if (end < 0) {
            return Optional.of(kept);
        }
        return kept.substring(0, end).equals(name) ? Optional.of(kept.substring(end + 1)) : Optional.empty();
    }

    /** The name of a tensor without that of its adapter. */
    public static String plain(String kept) {
        return kept.substring(kept.indexOf(END) + 1);
    }
}
