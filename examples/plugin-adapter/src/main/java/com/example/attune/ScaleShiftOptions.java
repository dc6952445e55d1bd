package com.example.attune;

import java.util.List;
import org.attune.plugin.Option;

/** What a spec may say to {@link ScaleShift}: each component is an option, checked before the trial starts. */
public record ScaleShiftOptions(
        @Option(
                value = "linear maps whose output is scaled and shifted: path suffixes, or one regular expression",
                defaults = "[queries, values]")
        List<String> targets) {}
