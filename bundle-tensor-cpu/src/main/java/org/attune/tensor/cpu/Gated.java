package org.attune.tensor.cpu;

import org.attune.tensor.DType;
import org.attune.tensor.cpu.KernelKey.Variant;
import org.attune.tensor.cpu.Worker.Scratch;
import org.attune.tensor.engine.Binary;
import org.attune.tensor.engine.Unary;

/** {@code op(gate) up}, in pieces that stay in a cache. */
final class Gated {
    private static final int PIECE = 16384;

    private Gated() {}

    static void forward(Worker w, Unary op, DType type, long gate, long up, long n, long out) {
        Kernel function = w.kernel(KernelKey.elements(op, type));
        Kernel multiply = w.kernel(KernelKey.elements(Binary.MUL, type));
        long activated = w.scratch(Scratch.ROWS, PIECE);
        for (long i = 0; i < n; i += PIECE) {
            long at = type.bytes() * i;
            long size = Math.min(PIECE, n - i);
            function.run(size, gate + at, activated);
            multiply.run(size, activated, up + at, out + at);
        }
    }

    static void gradient(Worker w, Unary op, DType type, long gate, long up, long dy, long n, long dgate, long dup) {
        Kernel function = w.kernel(KernelKey.elements(op, type));
        Kernel derivative = w.kernel(KernelKey.elements(op, Variant.GRADIENT, type));
        Kernel multiply = w.kernel(KernelKey.elements(Binary.MUL, type));
        long scratch = w.scratch(Scratch.ROWS, PIECE);
        for (long i = 0; i < n; i += PIECE) {
            long at = type.bytes() * i;
            long size = Math.min(PIECE, n - i);
            multiply.run(size, up + at, dy + at, scratch);
            derivative.run(size, gate + at, scratch, dgate + at);
            function.run(size, gate + at, scratch);
            multiply.run(size, scratch, dy + at, dup + at);
        }
    }
}
