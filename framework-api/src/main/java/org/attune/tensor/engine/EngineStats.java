package org.attune.tensor.engine;

/**
 * What an engine holds at the moment.
 *
 * @param liveBytes owned by open storages, arenas' included
 * @param peakBytes the highest {@code liveBytes} since the start
 * @param pooledBytes kept for the next arena
 * @param kernelCalls kernels run since the start
 */
public record EngineStats(long liveBytes, long peakBytes, long pooledBytes, long kernelCalls) {}
