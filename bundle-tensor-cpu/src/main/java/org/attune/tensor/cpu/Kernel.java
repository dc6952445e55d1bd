package org.attune.tensor.cpu;

import java.util.HashMap;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.Stream;

/**
 * A computation over any number of units (elements, or rows), done in pieces of a few fixed sizes. Ragged text brings ever
 * new row counts and a primitive has a fixed shape, so building one for each count would cost more than the work itself.
 */
final class Kernel implements AutoCloseable {
    private final IntFunction<Primitive> build;
    private final long[] strides;
    private final int largest;
    private final Primitive[] powersOfTwo;
    private final int exactBelow;
    private final Map<Integer, Primitive> rest = new HashMap<>();

    /**
     * @param build makes the primitive for a number of units
     * @param strides by operand, the bytes from one unit to the next; 0 for an operand that all units share
     * @param largestLog2 the largest piece
     * @param exactBelow a rest of fewer units than this is one piece
     */
    Kernel(IntFunction<Primitive> build, long[] strides, int largestLog2, int exactBelow) {
        this.build = build;
        this.strides = strides;
        this.largest = 1 << largestLog2;
        this.powersOfTwo = new Primitive[largestLog2 + 1];
        this.exactBelow = exactBelow;
    }

    /** @param addresses of the operands, in the order in which the primitive has them */
    void run(long units, long... addresses) {
        long done = 0;
        Primitive before = null;
        while (done < units) {
            int piece = (int) Math.min(largest, Long.highestOneBit(units - done));
            Primitive primitive;
            if (units - done < exactBelow) {
                piece = (int) (units - done);
                primitive = rest.computeIfAbsent(piece, build::apply);
            } else {
                primitive = powerOfTwo(Integer.numberOfTrailingZeros(piece));
            }
            for (int i = 0; i < strides.length; i++) {
                if (primitive != before || strides[i] != 0) {
                    primitive.set(i, addresses[i] + done * strides[i]);
                }
            }
            primitive.run();
            before = primitive;
            done += piece;
        }
    }

    private Primitive powerOfTwo(int log2) {
        if (powersOfTwo[log2] == null) {
            powersOfTwo[log2] = build.apply(1 << log2);
        }
        return powersOfTwo[log2];
    }

    Stream<Primitive> primitives() {
        return Stream.concat(Stream.of(powersOfTwo).filter(p -> p != null), rest.values().stream());
    }

    @Override
    public void close() {
        primitives().forEach(Primitive::close);
    }
}
