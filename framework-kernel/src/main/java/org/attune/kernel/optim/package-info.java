/** What turns gradients into an update: clipping, the rules of the optimisers, the learning rate's schedule; all equal to PyTorch's. */
package org.attune.kernel.optim;
