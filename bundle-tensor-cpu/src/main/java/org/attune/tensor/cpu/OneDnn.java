package org.attune.tensor.cpu;

import static org.bytedeco.dnnl.global.dnnl.dnnl_bf16;
import static org.bytedeco.dnnl.global.dnnl.dnnl_cpu;
import static org.bytedeco.dnnl.global.dnnl.dnnl_engine_create;
import static org.bytedeco.dnnl.global.dnnl.dnnl_engine_destroy;
import static org.bytedeco.dnnl.global.dnnl.dnnl_f32;
import static org.bytedeco.dnnl.global.dnnl.dnnl_stream_create;
import static org.bytedeco.dnnl.global.dnnl.dnnl_stream_destroy;

import org.attune.tensor.DType;
import org.bytedeco.dnnl.dnnl_engine;
import org.bytedeco.dnnl.dnnl_stream;

/** oneDNN's own engine and stream, of one {@link Worker}. A CPU stream runs at once, on the calling thread. */
final class OneDnn implements AutoCloseable {
    private final dnnl_engine engine = new dnnl_engine();
    private final dnnl_stream stream = new dnnl_stream();

    OneDnn() {
        check(dnnl_engine_create(engine, dnnl_cpu, 0), "creating the engine");
        check(dnnl_stream_create(stream, engine, 0), "creating a stream");
    }

    dnnl_engine engine() {
        return engine;
    }

    dnnl_stream stream() {
        return stream;
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
