/** Trials: from a checked spec to a report, through swaps, pauses and crashes. */
package org.attune.kernel.trial;
