package org.attune.tensor.cpu;

import static org.bytedeco.dnnl.global.dnnl.*;

import org.attune.tensor.DType;
import org.bytedeco.dnnl.dnnl_engine;
import org.bytedeco.dnnl.dnnl_memory_desc;
import org.bytedeco.dnnl.dnnl_primitive_attr;
import org.bytedeco.dnnl.dnnl_primitive_desc;
import org.bytedeco.dnnl.dnnl_stream;
import org.bytedeco.javacpp.Pointer;

/** oneDNN's own engine and stream, of one {@link Worker}. A CPU stream runs at once, on the calling thread. */
final class OneDnn implements AutoCloseable {
    private final dnnl_engine engine = new dnnl_engine();
    private final dnnl_stream stream = new dnnl_stream();
    private final boolean multipliesBfloat16;

    OneDnn() {
        check(dnnl_engine_create(engine, dnnl_cpu, 0), "creating the engine");
        check(dnnl_stream_create(stream, engine, 0), "creating a stream");
        multipliesBfloat16 = describesBfloat16Product();
    }

    dnnl_engine engine() {
        return engine;
    }

    dnnl_stream stream() {
        return stream;
    }

    /**
     * Whether there are kernels over bfloat16. On x86 there are from AVX-512 on, with its emulation of the instructions where the
     * processor lacks them; below, oneDNN only converts.
     */
    boolean multipliesBfloat16() {
        return multipliesBfloat16;
    }

    private boolean describesBfloat16Product() {
        dnnl_memory_desc square = new dnnl_memory_desc();
        check(
                dnnl_memory_desc_create_with_strides(square, 2, new long[] {16, 16}, dnnl_bf16, new long[] {16, 1}),
                "describing a matrix");
        dnnl_primitive_desc product = new dnnl_primitive_desc();
        int status = dnnl_matmul_primitive_desc_create(
                product,
                engine,
                square,
                square,
                new dnnl_memory_desc((Pointer) null),
                square,
                new dnnl_primitive_attr((Pointer) null));
        dnnl_memory_desc_destroy(square);
        if (status == dnnl_unimplemented) {
            return false;
        }
        check(status, "describing a product");
        dnnl_primitive_desc_destroy(product);
        return true;
    }

    /** oneDNN's number of an element type. */
    static int type(DType dtype) {
        return switch (dtype) {
            case FLOAT32 -> dnnl_f32;
            case BFLOAT16 -> dnnl_bf16;
            case FLOAT64, FLOAT16 -> throw new IllegalArgumentException("the cpu engine has no " + dtype);
        };
    }

    /** @throws IllegalStateException if a call of oneDNN did not return {@code dnnl_success} */
    static void check(int status, String what) {
        if (status != 0) {
            throw new IllegalStateException("oneDNN: " + what + " failed with status " + status);
        }
    }

    @Override
    public void close() {
        dnnl_stream_destroy(stream);
        dnnl_engine_destroy(engine);
    }
}
