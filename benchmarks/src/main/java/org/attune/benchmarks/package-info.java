/** Programs to be timed; each prints one JSON line. */
package org.attune.benchmarks;
