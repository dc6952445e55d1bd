package org.attune.models.gguf;

import java.util.Arrays;
import java.util.Optional;

/** The types of metadata. */
enum GgufValue {
    UINT8(0, 1),
    INT8(1, 1),
    UINT16(2, 2),
    INT16(3, 2),
    UINT32(4, 4),
    INT32(5, 4),
    FLOAT32(6, 4),
    BOOL(7, 1),
    /** A length in bytes (64 bits) and UTF-8. */
    STRING(8, 8),
    /** A type, a length (64 bits), and so many values. */
    ARRAY(9, 12),
    UINT64(10, 8),
    INT64(11, 8),
    FLOAT64(12, 8);

    private final int id;
    private final int bytes;

    GgufValue(int id, int bytes) {
        this.id = id;
        this.bytes = bytes;
    }

    static Optional<GgufValue> of(int id) {
        return Arrays.stream(values()).filter(type -> type.id == id).findFirst();
    }

    /** Its number in files. */
    int id() {
        return id;
    }

    /** The least bytes that a value takes: all of a plain one. */
    int bytes() {
        return bytes;
    }
}
