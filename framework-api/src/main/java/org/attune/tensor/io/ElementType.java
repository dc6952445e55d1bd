package org.attune.tensor.io;

/** The element types of a tensor file, by the names that the safetensors format gives them. */
public enum ElementType {
    /** IEEE double. */
    F64(8),
    /** IEEE single. */
    F32(4),
    /** IEEE half. */
    F16(2),
    /** The upper half of a single. */
    BF16(2),
    /** Signed 64-bit integer. */
    I64(8),
    /** Signed 32-bit integer. */
    I32(4),
    /** Signed 16-bit integer. */
    I16(2),
    /** Signed byte. */
    I8(1),
    /** Unsigned byte. */
    U8(1),
    /** One byte, zero for false. */
    BOOL(1);

    private final int bytes;

    ElementType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of one element. */
    public int bytes() {
        return bytes;
    }

    /** Whether the elements are floating-point numbers; the others are integers, a truth value counting as 0 or 1. */
    public boolean isFloating() {
        return this == F64 || this == F32 || this == F16 || this == BF16;
    }
}
