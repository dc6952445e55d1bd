/** What turns gradients into an update: clipping, AdamW, the learning rate's schedule; all equal to PyTorch's. */
package org.attune.kernel.optim;
