package org.attune.tensor.nd4j;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.attune.tensor.DType;
import org.attune.tensor.engine.Storage;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.concurrency.AffinityManager;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * One call of a kernel: shows its storages as float32 arrays and lends it memory. Closing rounds what was written to the
 * type of its storage, waits for the device and takes the memory back.
 */
final class Call implements AutoCloseable {
    /** Elements that travel between host and device at once. */
    static final int PIECE = 1 << 16;

    private record Rounding(INDArray from, INDArray to) {}

    private final Memory memory;
    private final List<DataBuffer> lent = new ArrayList<>(4);
    private final List<INDArray> uploaded = new ArrayList<>(0);
    private final List<Rounding> roundings = new ArrayList<>(0);

    Call(Memory memory) {
        useFirstDevice();
        this.memory = memory;
    }

    /** ND4J spreads threads over all GPUs; storages are on one, so that any thread may use them. */
    static void useFirstDevice() {
        AffinityManager devices = Nd4j.getAffinityManager();
        if (devices.getDeviceForCurrentThread() != 0) {
            devices.unsafeSetDevice(0);
        }
    }

    /** A call within this one, which gives its memory back sooner. */
    Call nested() {
        return new Call(memory);
    }

    /** The elements in the storage's own type. */
    INDArray raw(Storage s, long... shape) {
        return ((Nd4jStorage) s).array(shape);
    }

    /** All elements in one row. */
    INDArray raw(Storage s) {
        return raw(s, s.size());
    }

    /** An operand that is only read. */
    INDArray in(Storage s, long... shape) {
        INDArray own = raw(s, shape);
        if (s.dtype() == DType.FLOAT32) {
            return own;
        }
        INDArray wide = scratch(shape);
        wide.assign(own);
        return wide;
    }

    INDArray in(Storage s) {
        return in(s, s.size());
    }

    /** An operand that is only written, all of it. */
    INDArray out(Storage s, long... shape) {
        INDArray own = raw(s, shape);
        if (s.dtype() == DType.FLOAT32) {
            return own;
        }
        INDArray wide = scratch(shape);
        roundings.add(new Rounding(wide, own));
        return wide;
    }

    INDArray out(Storage s) {
        return out(s, s.size());
    }

    /** An operand that is read and written. */
    INDArray inOut(Storage s, long... shape) {
        INDArray array = out(s, shape);
        if (s.dtype() != DType.FLOAT32) {
            array.assign(raw(s, shape));
        }
        return array;
    }

    INDArray inOut(Storage s) {
        return inOut(s, s.size());
    }

    /** Float32 memory of unspecified content. */
    INDArray scratch(long... shape) {
        return scratch(DataType.FLOAT, shape);
    }

    INDArray scratch(DataType type, long... shape) {
        long size = 1;
        for (long dim : shape) {
            size *= dim;
        }
        DataBuffer buffer = memory.take(type, size);
        lent.add(buffer);
        return Views.rowMajor(buffer, shape);
    }

    /** Row numbers on the device. */
    INDArray rows(int[] rows) {
        return keep(Nd4j.createFromArray(rows));
    }

    /** Element numbers on the device. */
    INDArray places(long[] places) {
        return keep(Nd4j.createFromArray(places));
    }

    INDArray floats(float[] host, long... shape) {
        INDArray device = scratch(shape);
        write(host, 0, host.length, Views.reshaped(device, host.length));
        return device;
    }

    private INDArray keep(INDArray array) {
        uploaded.add(array);
        return array;
    }

    /** Copies from the host, piece by piece, so that no memory of the tensor's size is needed. */
    static void write(float[] host, int offset, int length, INDArray out) {
        for (int at = 0; at < length; at += PIECE) {
            int n = Math.min(PIECE, length - at);
            try (INDArray piece = Nd4j.createFromArray(Arrays.copyOfRange(host, offset + at, offset + at + n))) {
                Views.strided(out, at, new long[] {n}, new long[] {1}).assign(piece);
                Nd4j.getExecutioner().commit();
            }
        }
    }

    @Override
    public void close() {
        for (Rounding rounding : roundings) {
            rounding.to.assign(rounding.from);
        }
        Nd4j.getExecutioner().commit();
        uploaded.forEach(INDArray::close);
        lent.forEach(memory::give);
    }
}
