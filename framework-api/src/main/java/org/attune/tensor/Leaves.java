package org.attune.tensor;

/** Where the gradients of leaves add up. */
@FunctionalInterface
interface Leaves {
    /** The sum of a leaf; null for one that nobody asked about. */
    Tensor find(Tensor leaf);
}
