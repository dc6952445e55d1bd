package org.attune.model;

import org.osgi.annotation.versioning.ConsumerType;

/** Told how far the download of a model is; a service. Called on the thread that downloads: return quickly. */
@ConsumerType
public interface DownloadListener {
    /**
     * @param what is on its way, for people
     * @param done bytes that are there
     * @param total bytes in all; 0 while that is not known
     * @return whether to go on; one that is stopped goes on from there the next time
     */
    boolean downloading(String what, long done, long total);
}
