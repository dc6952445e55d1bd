package org.attune.tensor.io;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import org.attune.tensor.DType;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.Storage;

/**
 * A tensor on its way into a file: a Java array, row-major, or a tensor in an engine's memory. Nothing is copied before it is
 * written: leave the elements alone until then.
 */
public final class HostTensor {
    private final ElementType type;
    private final Shape shape;
    private final Source source;

    private HostTensor(ElementType type, Shape shape, long length, Source source) {
        if (shape.size() != length) {
            throw new IllegalArgumentException(
                    "shape " + shape + " has " + shape.size() + " elements, the array " + length);
        }
        this.type = type;
        this.shape = shape;
        this.source = source;
    }

    /** An F32 tensor. @throws IllegalArgumentException if the array's length is not the shape's size */
    public static HostTensor of(Shape shape, float... elements) {
        return new HostTensor(
                ElementType.F32,
                shape,
                elements.length,
                (from, count, out) -> out.asFloatBuffer().put(elements, from, count));
    }

    /** An F64 tensor. @throws IllegalArgumentException if the array's length is not the shape's size */
    public static HostTensor of(Shape shape, double... elements) {
        return new HostTensor(
                ElementType.F64,
                shape,
                elements.length,
                (from, count, out) -> out.asDoubleBuffer().put(elements, from, count));
    }

    /** An I32 tensor. @throws IllegalArgumentException if the array's length is not the shape's size */
    public static HostTensor of(Shape shape, int... elements) {
        return new HostTensor(
                ElementType.I32,
                shape,
                elements.length,
                (from, count, out) -> out.asIntBuffer().put(elements, from, count));
    }

    /** An I64 tensor. @throws IllegalArgumentException if the array's length is not the shape's size */
    public static HostTensor of(Shape shape, long... elements) {
        return new HostTensor(
                ElementType.I64,
                shape,
                elements.length,
                (from, count, out) -> out.asLongBuffer().put(elements, from, count));
    }

    /** A tensor with all its bits: F64 where its engine computes in float64, else F32. */
    public static HostTensor exact(Tensor tensor) {
        return of(tensor, tensor.engine().dtype() == DType.FLOAT64 ? ElementType.F64 : ElementType.F32);
    }

    /** A tensor as F32, which rounds where its engine computes in float64. */
    public static HostTensor single(Tensor tensor) {
        return of(tensor, ElementType.F32);
    }

    /**
     * The transpose of a matrix as F32, whose elements stand in the Java heap while they are written.
     *
     * @param matrix [rows, columns]; the result has the shape [columns, rows]
     */
    public static HostTensor transposed(Tensor matrix) {
        int rows = matrix.shape().dim(0);
        int columns = matrix.shape().dim(1);
        float[][] held = new float[1][];
        return new HostTensor(
                ElementType.F32, Shape.of(columns, rows), matrix.shape().size(), (from, count, out) -> {
                    held[0] = held[0] == null ? matrix.toFloats() : held[0];
                    FloatBuffer elements = out.asFloatBuffer();
                    for (int i = from; i < from + count; i++) {
                        elements.put(held[0][i % rows * columns + i / rows]);
                    }
                    if (from + count == rows * columns) {
                        held[0] = null;
                    }
                });
    }

    private static HostTensor of(Tensor tensor, ElementType type) {
        return new HostTensor(type, tensor.shape(), tensor.shape().size(), (from, count, out) -> {
            Storage part = tensor.storage().slice(from, count);
            if (type == ElementType.F64) {
                double[] elements = new double[count];
                tensor.engine().read(part, elements, 0, count);
                out.asDoubleBuffer().put(elements);
            } else {
                float[] elements = new float[count];
                tensor.engine().read(part, elements, 0, count);
                out.asFloatBuffer().put(elements);
            }
        });
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
        source.copy(from, count, out);
    }

    private interface Source {
        void copy(int from, int count, ByteBuffer out);
    }
}
