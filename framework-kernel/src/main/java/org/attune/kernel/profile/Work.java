package org.attune.kernel.profile;

import java.lang.reflect.Method;
import java.util.Locale;
import org.attune.tensor.DType;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.Matmul;
import org.attune.tensor.engine.Storage;

/**
 * What one call of an engine's kernel amounts to.
 *
 * @param operation the kernel, with the form that decides its speed: {@code linear 384x1536}, {@code unary GELU bfloat16}
 * @param dtype the narrowest of its operands' types, in which a product is computed; null where it has no operand
 * @param flops multiplications and additions of its matrix products; 0 for others
 * @param bytes of all its operands, each counted once; of an operand that it only picks from, what it picks
 */
record Work(String operation, DType dtype, long flops, long bytes) {
    private static final int ATTENTION_PRODUCTS = 2;
    private static final int ATTENTION_GRADIENT_PRODUCTS = 4;

    static Work of(Method method, Object[] arguments) {
        StringBuilder name = new StringBuilder(method.getName());
        long bytes = 0;
        long flops = 0;
        DType dtype = null;
        for (Object argument : arguments) {
            if (argument instanceof Storage s) {
                bytes += s.bytes();
                dtype = dtype == null ? s.dtype() : DType.narrower(dtype, s.dtype());
            } else if (argument instanceof Enum<?> op) {
                name.append(' ').append(op.name());
            } else if (argument instanceof Matmul m) {
                flops = 2L * m.batch() * m.m() * m.n() * m.k();
                name.append(m.transposeA() ? " T" : " N").append(m.transposeB() ? "T" : "N");
                appendSmaller(name, m);
            } else if (argument instanceof AttentionLayout a) {
                int products = method.getName().equals("attention") ? ATTENTION_PRODUCTS : ATTENTION_GRADIENT_PRODUCTS;
                flops = 2L * products * a.heads() * pairs(a) * a.headSize();
            }
        }
        int n = arguments.length;
        switch (method.getName()) {
            case "linear" -> {
                int rows = (Integer) arguments[n - 4];
                int in = (Integer) arguments[n - 3];
                int out = (Integer) arguments[n - 2];
                flops = 2L * rows * in * out;
                name.append(' ').append(in).append('x').append(out);
            }
            case "linearColumns" -> {
                int rows = (Integer) arguments[n - 6];
                int in = (Integer) arguments[n - 5];
                int columns = (Integer) arguments[n - 2] - (Integer) arguments[n - 3];
                flops = 2L * rows * in * columns;
                long read = ((Storage) arguments[1]).bytes() * columns / (Integer) arguments[n - 4];
                bytes = read + ((long) rows * in + (long) rows * columns) * dtype.bytes();
                name.append(' ').append(in).append('x').append(columns);
            }
            case "copyBlocks" -> bytes = (Long) arguments[n - 2] * (Long) arguments[n - 1] * bytesOf(arguments, 0, 3);
            case "gatherRows" -> bytes = elements(arguments) * bytesOf(arguments, 0, 3);
            case "scatterAddRows" -> bytes = elements(arguments) * bytesOf(arguments, 0, 3, 3);
            case "read" -> bytes = (Integer) arguments[3] * (long) bytesOf(arguments, 0);
            case "write" -> bytes = (Integer) arguments[2] * (long) bytesOf(arguments, 3);
            default -> {
                // All of each operand.
            }
        }
        if (dtype != null && dtype.bytes() < Float.BYTES) {
            name.append(' ').append(dtype.name().toLowerCase(Locale.ROOT));
        }
        return new Work(name.toString(), dtype, flops, bytes);
    }

    /** Of a query and a key that it sees: what is needed, even where a kernel computes the whole square. */
    private static long pairs(AttentionLayout layout) {
        long pairs = 0;
        for (int i = 0; i < layout.sequences(); i++) {
            for (int query = 0; query < layout.queryLength(i); query++) {
                pairs += layout.endKey(i, query) - layout.firstKey(i, query);
            }
        }
        return pairs;
    }

    /** Of the rows that a kernel picks. */
    private static long elements(Object[] arguments) {
        return (long) (Integer) arguments[1] * ((int[]) arguments[2]).length;
    }

    /** Bytes of one element of each of these storages. */
    private static int bytesOf(Object[] arguments, int... storages) {
        int bytes = 0;
        for (int s : storages) {
            bytes += ((Storage) arguments[s]).dtype().bytes();
        }
        return bytes;
    }

    /** The two extents that are not the number of tokens, as far as one can tell: those that recur. */
    private static void appendSmaller(StringBuilder name, Matmul m) {
        name.append(' ');
        if (m.transposeA()) {
            name.append(m.m()).append("x*x").append(m.n());
        } else {
            name.append("*x").append(m.k()).append('x').append(m.n());
        }
    }
}
