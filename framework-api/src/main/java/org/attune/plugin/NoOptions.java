package org.attune.plugin;

/** The options record of a plug-in that has none. */
public record NoOptions() {}
