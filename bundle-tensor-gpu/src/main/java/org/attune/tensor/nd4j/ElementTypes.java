package org.attune.tensor.nd4j;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;
import org.attune.tensor.DType;
import org.nd4j.linalg.api.buffer.DataType;

/** ND4J's words for the element types that the engine has. */
final class ElementTypes {
    static final Set<DType> ALL = Collections.unmodifiableSet(EnumSet.of(DType.FLOAT32, DType.FLOAT16, DType.BFLOAT16));

    private ElementTypes() {}

    /** @throws IllegalArgumentException if the engine has no such storages */
    static DataType of(DType dtype) {
        return switch (dtype) {
            case FLOAT32 -> DataType.FLOAT;
            case FLOAT16 -> DataType.FLOAT16;
            case BFLOAT16 -> DataType.BFLOAT16;
            case FLOAT64 -> throw new IllegalArgumentException("the nd4j engine has no " + dtype + "; it has " + ALL);
        };
    }
}
