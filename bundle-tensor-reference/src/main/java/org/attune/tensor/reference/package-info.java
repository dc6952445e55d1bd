/** The {@code reference} engine: every kernel as its formula reads, over {@code double[]}. */
package org.attune.tensor.reference;
