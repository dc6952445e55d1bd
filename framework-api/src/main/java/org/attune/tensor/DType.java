package org.attune.tensor;

/** The element types that tensors and tensor files may have. */
public enum DType {
    /** IEEE double: what the {@code reference} engine computes in. */
    FLOAT64(8),
    /** IEEE single: what the {@code cpu} engine computes in. */
    FLOAT32(4),
    /** IEEE half: 11 significant bits, largest 65504; gradients need loss scaling. */
    FLOAT16(2),
    /** The upper half of a single: 8 significant bits, the range of a single. */
    BFLOAT16(2);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** The one with more significant bits. */
    public static DType wider(DType a, DType b) {
        return a.compareTo(b) <= 0 ? a : b;
    }

    /** The one with fewer significant bits. */
    public static DType narrower(DType a, DType b) {
        return a.compareTo(b) <= 0 ? b : a;
    }

    /** Bytes of one element. */
    public int bytes() {
        return bytes;
    }
}
