package org.attune.tensor.cpu;

import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;

/** A pointer to float memory that can be moved, so that native calls cost no new pointer object each. Owns nothing. */
final class Address extends FloatPointer {
    Address() {
        super((Pointer) null);
    }

    Address at(long newAddress) {
        this.address = newAddress;
        return this;
    }
}
