/** The tensor engine {@code nd4j}: every kernel as a sequence of ND4J's operations, wherever ND4J's backend runs them. */
package org.attune.tensor.nd4j;
