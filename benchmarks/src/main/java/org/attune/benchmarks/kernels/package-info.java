/** The engines' kernels one by one, in the shapes of MiniLM (384 wide) and SmolLM2-135M (576 wide); for JMH. */
package org.attune.benchmarks.kernels;
