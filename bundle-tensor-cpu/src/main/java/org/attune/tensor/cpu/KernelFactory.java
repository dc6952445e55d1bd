package org.attune.tensor.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import java.util.function.IntFunction;
import org.attune.tensor.DType;
import org.attune.tensor.cpu.KernelKey.RowOperation;
import org.attune.tensor.cpu.KernelKey.Variant;
import org.attune.tensor.cpu.Primitive.Operand;
import org.attune.tensor.engine.Binary;
import org.attune.tensor.engine.Unary;
import org.attune.tensor.io.BlockType;
import org.bytedeco.dnnl.dnnl_memory_desc;
import org.bytedeco.dnnl.dnnl_primitive_attr;
import org.bytedeco.dnnl.dnnl_primitive_desc;
import org.bytedeco.javacpp.Pointer;

/** Builds kernels from oneDNN's primitives. */
final class KernelFactory {
    /** Pieces of a flat array: 256 KB, which a core's second cache holds even if there are three operands. */
    private static final int MOST_ELEMENTS_LOG2 = 16;

    private static final int EXACT_ELEMENTS = 64;
    private static final int MOST_ROWS_LOG2 = 8;

    /** Up to so many rows of a head or a block of queries are one piece: their number recurs with the length. */
    private static final int ATTENTION_ROWS = 4096;

    private final OneDnn oneDnn;
    private final Scratchpad scratchpad;

    KernelFactory(OneDnn oneDnn, Scratchpad scratchpad) {
        this.oneDnn = oneDnn;
        this.scratchpad = scratchpad;
    }

    Kernel build(KernelKey key) {
        int columns = key.columns();
        DType type = key.type();
        long size = type.bytes();
        boolean gradient = key.variant() == Variant.GRADIENT;
        if (key.operation() instanceof Unary op) {
            return gradient
                    ? elements(n -> unaryGrad(op, type, n), size, size, size)
                    : elements(n -> unary(op, type, n), size, size);
        }
        if (key.operation() instanceof Binary op) {
            return columns == 0 ? elements(op, key.variant(), type) : rows(op, key.variant(), type, columns);
        }
        return switch ((RowOperation) key.operation()) {
            case SOFTMAX -> softmax(dnnl_softmax_accurate, gradient, type, columns);
            case ATTENTION -> attentionSoftmax(gradient, type, columns);
            case CONVERT ->
                gradient
                        ? elements(n -> conversion(type, DType.FLOAT32, n), size, Float.BYTES)
                        : elements(n -> conversion(DType.FLOAT32, type, n), Float.BYTES, size);
            case DECODE -> decoding(columns);
            case LOG_SOFTMAX_GRADIENT -> softmax(dnnl_softmax_log, true, type, columns);
            case LAYER_NORM -> layerNorm(gradient, type, columns, key.epsilon());
            case ADD_SCALED -> elements(n -> scaledAdd(n, n, DNNL_ARG_SRC_1), Float.BYTES, Float.BYTES, 0, Float.BYTES);
            case SCALE_AND_SHIFT -> elements(n -> scaledAdd(n, 1, DNNL_ARG_SRC_0), Float.BYTES, 0, 0, Float.BYTES);
        };
    }

    private static Kernel elements(IntFunction<Primitive> build, long... strides) {
        return new Kernel(build, strides, MOST_ELEMENTS_LOG2, EXACT_ELEMENTS);
    }

    private static Kernel rows(IntFunction<Primitive> build, long... strides) {
        return new Kernel(build, strides, MOST_ROWS_LOG2, 1);
    }

    private Kernel elements(Binary op, Variant variant, DType type) {
        long size = type.bytes();
        return variant == Variant.BY_SCALAR
                ? elements(n -> binary(op, type, 1, n, 1, 1), size, 0, size)
                : elements(n -> binary(op, type, 1, n, 1, n), size, size, size);
    }

    private Kernel rows(Binary op, Variant variant, DType type, int columns) {
        long row = (long) type.bytes() * columns;
        return variant == Variant.BY_COLUMN
                ? rows(n -> binary(op, type, n, columns, n, 1), row, type.bytes(), row)
                : rows(n -> binary(op, type, n, columns, 1, columns), row, 0, row);
    }

    private Kernel softmax(int algorithm, boolean gradient, DType type, int columns) {
        long row = (long) type.bytes() * columns;
        return gradient
                ? rows(n -> softmaxGrad(algorithm, type, n, columns), row, row, row)
                : rows(n -> softmax(algorithm, type, type, n, columns), row, row);
    }

    private Kernel attentionSoftmax(boolean gradient, DType type, int columns) {
        long row = (long) type.bytes() * columns;
        IntFunction<Primitive> build = gradient
                ? n -> softmaxGrad(dnnl_softmax_accurate, type, n, columns)
                : n -> softmax(dnnl_softmax_accurate, DType.FLOAT32, type, n, columns);
        long[] strides = gradient ? new long[] {row, row, row} : new long[] {(long) Float.BYTES * columns, row};
        return new Kernel(build, strides, MOST_ROWS_LOG2, ATTENTION_ROWS);
    }

    private Kernel layerNorm(boolean gradient, DType type, int columns, float epsilon) {
        long row = (long) type.bytes() * columns;
        return gradient
                ? rows(
                        n -> layerNormGrad(type, n, columns, epsilon),
                        row,
                        Float.BYTES,
                        Float.BYTES,
                        (long) Float.BYTES * columns,
                        row)
                : rows(n -> layerNorm(type, n, columns, epsilon), row, row, Float.BYTES, Float.BYTES, 0, 0);
    }

    /** A tile has as many rows each time, but for the last one of a matrix. */
    private Kernel decoding(int columns) {
        long[] strides = {columns, Float.BYTES, (long) Float.BYTES * decodedRow(columns)};
        return new Kernel(n -> decoding(n, columns), strides, MOST_ELEMENTS_LOG2, 1 << MOST_ELEMENTS_LOG2);
    }

    private Primitive decoding(int n, int columns) {
        long[] dims = {n, columns};
        try (Form bytes = new Form(dnnl_s8, dims, new long[] {columns, 1});
                Form floats = new Form(dnnl_f32, dims, new long[] {decodedRow(columns), 1});
                Form scales = new Form(DType.FLOAT32, n);
                Attributes attributes = new Attributes()) {
            OneDnn.check(dnnl_primitive_attr_set_scales_mask(attributes.attr, DNNL_ARG_FROM, 1), "setting scales");
            return new Primitive(
                    oneDnn,
                    scratchpad,
                    reorder(bytes, floats, attributes),
                    operand(DNNL_ARG_FROM, bytes),
                    operand(DNNL_ARG_ATTR_SCALES | DNNL_ARG_FROM, scales),
                    operand(DNNL_ARG_TO, floats));
        }
    }

    private static int decodedRow(int columns) {
        return Math.max(columns, BlockType.Q4_1.elements());
    }

    private dnnl_primitive_desc reorder(Form from, Form to, Attributes attributes) {
        dnnl_primitive_desc descriptor = new dnnl_primitive_desc();
        OneDnn.check(
                dnnl_reorder_primitive_desc_create(
                        descriptor, from.md, oneDnn.engine(), to.md, oneDnn.engine(), attributes.attr),
                "describing a conversion");
        return descriptor;
    }

    private Primitive conversion(DType from, DType to, int n) {
        try (Form x = new Form(from, n);
                Form y = new Form(to, n);
                Attributes attributes = new Attributes()) {
            return new Primitive(
                    oneDnn, scratchpad, reorder(x, y, attributes), operand(DNNL_ARG_FROM, x), operand(DNNL_ARG_TO, y));
        }
    }

    /** Function with oneDNN's algorithm of the same value; alpha is 1 for swish, and no other of these has a parameter. */
    private static int algorithm(Unary op) {
        return switch (op) {
            case EXP -> dnnl_eltwise_exp;
            case LOG -> dnnl_eltwise_log;
            case SQRT -> dnnl_eltwise_sqrt;
            case ABS -> dnnl_eltwise_abs;
            case TANH -> dnnl_eltwise_tanh;
            case SIGMOID -> dnnl_eltwise_logistic;
            case RELU -> dnnl_eltwise_relu;
            case GELU -> dnnl_eltwise_gelu_erf;
            case GELU_TANH -> dnnl_eltwise_gelu_tanh;
            case SILU -> dnnl_eltwise_swish;
        };
    }

    private static float alpha(Unary op) {
        return op == Unary.SILU ? 1 : 0;
    }

    private Primitive unary(Unary op, DType type, int n) {
        try (Form x = new Form(type, n);
                Attributes attributes = new Attributes()) {
            return new Primitive(
                    oneDnn,
                    scratchpad,
                    unaryForward(op, x, attributes),
                    operand(DNNL_ARG_SRC, x),
                    operand(DNNL_ARG_DST, x));
        }
    }

    private dnnl_primitive_desc unaryForward(Unary op, Form x, Attributes attributes) {
        dnnl_primitive_desc descriptor = new dnnl_primitive_desc();
        OneDnn.check(
                dnnl_eltwise_forward_primitive_desc_create(
                        descriptor,
                        oneDnn.engine(),
                        dnnl_forward_training,
                        algorithm(op),
                        x.md,
                        x.md,
                        alpha(op),
                        0,
                        attributes.attr),
                "describing " + op);
        return descriptor;
    }

    private Primitive unaryGrad(Unary op, DType type, int n) {
        try (Form x = new Form(type, n);
                Attributes attributes = new Attributes()) {
            dnnl_primitive_desc forward = unaryForward(op, x, attributes);
            dnnl_primitive_desc descriptor = new dnnl_primitive_desc();
            OneDnn.check(
                    dnnl_eltwise_backward_primitive_desc_create(
                            descriptor,
                            oneDnn.engine(),
                            algorithm(op),
                            x.md,
                            x.md,
                            x.md,
                            alpha(op),
                            0,
                            forward,
                            attributes.attr),
                    "describing the gradient of " + op);
            dnnl_primitive_desc_destroy(forward);
            return new Primitive(
                    oneDnn,
                    scratchpad,
                    descriptor,
                    operand(DNNL_ARG_SRC, x),
                    operand(DNNL_ARG_DIFF_DST, x),
                    operand(DNNL_ARG_DIFF_SRC, x));
        }
    }

    private Primitive binary(Binary op, DType type, int rows, int columns, int rowsB, int columnsB) {
        int algorithm = switch (op) {
            case ADD -> dnnl_binary_add;
            case SUB -> dnnl_binary_sub;
            case MUL -> dnnl_binary_mul;
            case DIV -> dnnl_binary_div;
        };
        try (Form a = new Form(type, rows, columns);
                Form b = new Form(type, rowsB, columnsB);
                Attributes attributes = new Attributes()) {
            return new Primitive(
                    oneDnn,
                    scratchpad,
                    binary(algorithm, a, b, a, attributes),
                    operand(DNNL_ARG_SRC_0, a),
                    operand(DNNL_ARG_SRC_1, b),
                    operand(DNNL_ARG_DST, a));
        }
    }

    private dnnl_primitive_desc binary(int algorithm, Form a, Form b, Form c, Attributes attributes) {
        dnnl_primitive_desc descriptor = new dnnl_primitive_desc();
        OneDnn.check(
                dnnl_binary_primitive_desc_create(
                        descriptor, oneDnn.engine(), algorithm, a.md, b.md, c.md, attributes.attr),
                "describing a binary operation");
        return descriptor;
    }

    /** The scale is an operand, so that one primitive serves all values of it. */
    private Primitive scaledAdd(int n, int sizeB, int scaled) {
        try (Form a = new Form(DType.FLOAT32, 1, n);
                Form b = new Form(DType.FLOAT32, 1, sizeB);
                Form scale = new Form(DType.FLOAT32, 1);
                Attributes attributes = new Attributes()) {
            OneDnn.check(dnnl_primitive_attr_set_scales_mask(attributes.attr, scaled, 0), "setting a scale");
            return new Primitive(
                    oneDnn,
                    scratchpad,
                    binary(dnnl_binary_add, a, b, a, attributes),
                    operand(DNNL_ARG_SRC_0, a),
                    operand(DNNL_ARG_SRC_1, b),
                    operand(DNNL_ARG_ATTR_SCALES | scaled, scale),
                    operand(DNNL_ARG_DST, a));
        }
    }

    private Primitive softmax(int algorithm, DType from, DType to, int rows, int columns) {
        try (Form x = new Form(from, rows, columns);
                Form y = new Form(to, rows, columns);
                Attributes attributes = new Attributes()) {
            return new Primitive(
                    oneDnn,
                    scratchpad,
                    softmaxForward(algorithm, x, y, attributes),
                    operand(DNNL_ARG_SRC, x),
                    operand(DNNL_ARG_DST, y));
        }
    }

    private dnnl_primitive_desc softmaxForward(int algorithm, Form x, Form y, Attributes attributes) {
        dnnl_primitive_desc descriptor = new dnnl_primitive_desc();
        OneDnn.check(
                dnnl_softmax_forward_primitive_desc_create(
                        descriptor, oneDnn.engine(), dnnl_forward_training, algorithm, x.md, y.md, 1, attributes.attr),
                "describing a softmax");
        return descriptor;
    }

    private Primitive softmaxGrad(int algorithm, DType type, int rows, int columns) {
        try (Form x = new Form(type, rows, columns);
                Attributes attributes = new Attributes()) {
            dnnl_primitive_desc forward = softmaxForward(algorithm, x, x, attributes);
            dnnl_primitive_desc descriptor = new dnnl_primitive_desc();
            OneDnn.check(
                    dnnl_softmax_backward_primitive_desc_create(
                            descriptor, oneDnn.engine(), algorithm, x.md, x.md, x.md, 1, forward, attributes.attr),
                    "describing the gradient of a softmax");
            dnnl_primitive_desc_destroy(forward);
            return new Primitive(
                    oneDnn,
                    scratchpad,
                    descriptor,
                    operand(DNNL_ARG_DST, x),
                    operand(DNNL_ARG_DIFF_DST, x),
                    operand(DNNL_ARG_DIFF_SRC, x));
        }
    }

    private Primitive layerNorm(DType type, int rows, int columns, float epsilon) {
        try (Form x = new Form(type, rows, columns);
                Form statistic = new Form(DType.FLOAT32, rows);
                Form parameter = new Form(DType.FLOAT32, columns);
                Attributes attributes = new Attributes()) {
            return new Primitive(
                    oneDnn,
                    scratchpad,
                    layerNormForward(x, statistic, epsilon, dnnl_use_scale | dnnl_use_shift, attributes),
                    operand(DNNL_ARG_SRC, x),
                    operand(DNNL_ARG_DST, x),
                    operand(DNNL_ARG_MEAN, statistic),
                    operand(DNNL_ARG_VARIANCE, statistic),
                    operand(DNNL_ARG_SCALE, parameter),
                    operand(DNNL_ARG_SHIFT, parameter));
        }
    }

    private dnnl_primitive_desc layerNormForward(
            Form x, Form statistic, float epsilon, int flags, Attributes attributes) {
        dnnl_primitive_desc descriptor = new dnnl_primitive_desc();
        OneDnn.check(
                dnnl_layer_normalization_forward_primitive_desc_create(
                        descriptor,
                        oneDnn.engine(),
                        dnnl_forward_training,
                        x.md,
                        x.md,
                        statistic.md,
                        epsilon,
                        flags,
                        attributes.attr),
                "describing a layer normalisation");
        return descriptor;
    }

    /** Without gamma, which oneDNN refuses here: the caller multiplies dy by it. */
    private Primitive layerNormGrad(DType type, int rows, int columns, float epsilon) {
        try (Form x = new Form(type, rows, columns);
                Form scaled = new Form(DType.FLOAT32, rows, columns);
                Form statistic = new Form(DType.FLOAT32, rows);
                Attributes attributes = new Attributes()) {
            dnnl_primitive_desc forward = layerNormForward(x, statistic, epsilon, 0, attributes);
            dnnl_primitive_desc descriptor = new dnnl_primitive_desc();
            OneDnn.check(
                    dnnl_layer_normalization_backward_primitive_desc_create(
                            descriptor,
                            oneDnn.engine(),
                            dnnl_backward_data,
                            x.md,
                            scaled.md,
                            x.md,
                            statistic.md,
                            epsilon,
                            0,
                            forward,
                            attributes.attr),
                    "describing the gradient of a layer normalisation");
            dnnl_primitive_desc_destroy(forward);
            return new Primitive(
                    oneDnn,
                    scratchpad,
                    descriptor,
                    operand(DNNL_ARG_SRC, x),
                    operand(DNNL_ARG_MEAN, statistic),
                    operand(DNNL_ARG_VARIANCE, statistic),
                    operand(DNNL_ARG_DIFF_DST, scaled),
                    operand(DNNL_ARG_DIFF_SRC, x));
        }
    }

    private static Operand operand(int argument, Form form) {
        return new Operand(argument, form.md);
    }

    private static final class Form implements AutoCloseable {
        private final dnnl_memory_desc md = new dnnl_memory_desc();

        /** A dense row-major array. */
        Form(DType type, long... dims) {
            this(OneDnn.type(type), dims, dense(dims));
        }

        Form(int type, long[] dims, long[] strides) {
            OneDnn.check(
                    dnnl_memory_desc_create_with_strides(md, dims.length, dims, type, strides), "describing an array");
        }

        private static long[] dense(long[] dims) {
            long[] strides = new long[dims.length];
            long stride = 1;
            for (int i = dims.length - 1; i >= 0; i--) {
                strides[i] = stride;
                stride *= dims[i];
            }
            return strides;
        }

        @Override
        public void close() {
            dnnl_memory_desc_destroy(md);
        }
    }

    /** Scratch memory is the caller's: the library's own is tied to the thread that built the primitive. */
    private static final class Attributes implements AutoCloseable {
        private final dnnl_primitive_attr attr = new dnnl_primitive_attr((Pointer) null);

        Attributes() {
            OneDnn.check(dnnl_primitive_attr_create(attr), "creating attributes");
            OneDnn.check(
                    dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user),
                    "choosing the scratchpad");
        }

        @Override
        public void close() {
            dnnl_primitive_attr_destroy(attr);
        }
    }
}
