package org.attune.tensor.cpu;

import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.ShortPointer;

/** A pointer to 16-bit numbers that can be moved, as {@link Address} is. Owns nothing. */
final class Shorts extends ShortPointer {
    Shorts() {
        super((Pointer) null);
    }

    Shorts at(long newAddress) {
        this.address = newAddress;
        return this;
    }
}
