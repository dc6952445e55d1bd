package org.attune.tensor;

/** The element types that tensors and tensor files may have. */
public enum DType {
    /** IEEE double: what the {@code reference} engine computes in. */
    FLOAT64(8),
    /** IEEE single: what the {@code cpu} engine computes in. */
    FLOAT32(4),
    /** IEEE half; in files only. */
    FLOAT16(2),
    /** The upper half of a single; in files only. */
    BFLOAT16(2);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of one element. */
    public int bytes() {
        return bytes;
    }
}
