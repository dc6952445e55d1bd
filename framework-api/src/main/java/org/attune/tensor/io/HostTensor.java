package org.attune.tensor.io;

import java.nio.ByteBuffer;
import org.attune.tensor.Shape;

/** A tensor in a Java array, row-major, on its way into a file. The array is not copied: leave it alone until written. */
public final class HostTensor {
    private final ElementType type;
    private final Shape shape;
    private final Object array;

    private HostTensor(ElementType type, Shape shape, Object array, int length) {
        if (shape.size() != length) {
            throw new IllegalArgumentException(
                    "shape " + shape + " has " + shape.size() + " elements, the array " + length);
        }
        this.type = type;
        this.shape = shape;
        this.array = array;
    }

    /** An F32 tensor. @throws IllegalArgumentException if the array's length is not the shape's size */
    public static HostTensor of(Shape shape, float... elements) {
        return new HostTensor(ElementType.F32, shape, elements, elements.length);
    }

    /** An F64 tensor. @throws IllegalArgumentException if the array's length is not the shape's size */
    public static HostTensor of(Shape shape, double... elements) {
        return new HostTensor(ElementType.F64, shape, elements, elements.length);
    }

    /** An I32 tensor. @throws IllegalArgumentException if the array's length is not the shape's size */
    public static HostTensor of(Shape shape, int... elements) {
        return new HostTensor(ElementType.I32, shape, elements, elements.length);
    }

    /** An I64 tensor. @throws IllegalArgumentException if the array's length is not the shape's size */
    public static HostTensor of(Shape shape, long... elements) {
        return new HostTensor(ElementType.I64, shape, elements, elements.length);
    }

    public ElementType type() {
        return type;
    }

    public Shape shape() {
        return shape;
    }

    /** Bytes of all elements. */
    long bytes() {
        return shape.size() * type.bytes();
    }

    /** Copies elements {@code from} up to {@code from + count} to the start of {@code out}; its position stays. */
    void copy(int from, int count, ByteBuffer out) {
        switch (type) {
            case F32 -> out.asFloatBuffer().put((float[]) array, from, count);
            case F64 -> out.asDoubleBuffer().put((double[]) array, from, count);
            case I32 -> out.asIntBuffer().put((int[]) array, from, count);
            case I64 -> out.asLongBuffer().put((long[]) array, from, count);
            default -> throw new AssertionError(type);
        }
    }
}
