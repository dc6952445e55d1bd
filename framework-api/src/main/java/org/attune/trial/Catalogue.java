package org.attune.trial;

import java.util.List;
import org.osgi.annotation.versioning.ProviderType;

/** What is installed and resident; a service of the kernel. */
@ProviderType
public interface Catalogue {
    /** The plug-ins that are there now, by kind and name. */
    List<PluginInfo> plugins();

    /** The base models in memory. */
    List<ModelInfo> models();

    /** The tensor engines that are there now. */
    List<EngineInfo> engines();

    /**
     * A plug-in.
     *
     * @param kind {@code adapter}, {@code trainer}, {@code data}, {@code regularizer}, {@code metric} or {@code sampler}
     * @param version of its bundle
     * @param bundle symbolic name of its bundle
     */
    record PluginInfo(
            String kind, String name, String version, String description, String bundle, List<OptionInfo> options) {}

    /**
     * An option of a plug-in.
     *
     * @param type as a user writes it: {@code integer}, {@code list of text}, {@code one of: a, b}
     * @param defaults as a user writes it; null where the option must be given
     * @param range such as {@code >= 1}; empty for none
     */
    record OptionInfo(String name, String type, String defaults, String range, String description) {}

    /**
     * A base model in memory.
     *
     * @param type of its matrices: {@code bfloat16}, {@code float32 and blocks}
     * @param users trials that use it
     */
    record ModelInfo(
            String source, String family, String engine, String type, long parameters, String fingerprint, int users) {}

    /**
     * A tensor engine with its memory.
     *
     * @param type of parameters and losses
     * @param liveBytes owned by tensors
     * @param pooledBytes kept for the next step
     * @param kernelCalls since the start
     * @param operations that it has run since the start, the costliest first
     */
    record EngineInfo(
            String name,
            String type,
            long liveBytes,
            long peakBytes,
            long pooledBytes,
            long kernelCalls,
            List<OperationInfo> operations) {}

    /**
     * All calls of one operation.
     *
     * @param seconds summed over threads
     * @param flops of its matrix products; 0 for others
     * @param bytes of its operands
     */
    record OperationInfo(String name, long calls, double seconds, long flops, long bytes) {}
}
