/** One training step: parameters, forward passes with adapters, workers, gradients. Shared by trials and replays. */
package org.attune.kernel.step;
