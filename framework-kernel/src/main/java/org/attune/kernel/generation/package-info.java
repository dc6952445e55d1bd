/** Generation: passes that keep keys and values, on a team of threads; sampling, beams, continuous batches. */
package org.attune.kernel.generation;
