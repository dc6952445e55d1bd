package org.attune.trial;

/**
 * What a trial keeps of the frozen layers at the beginning of its model.
 *
 * @param hits examples whose frozen layers did not have to be computed
 * @param misses examples whose frozen layers were computed though others' are kept
 * @param memoryBytes held in the engine's memory
 * @param diskBytes held in files
 */
public record CacheStats(long hits, long misses, long memoryBytes, long diskBytes) {
    public static final CacheStats NONE = new CacheStats(0, 0, 0, 0);
}
