package org.attune.kernel.profile;

import java.lang.reflect.Method;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.Matmul;
import org.attune.tensor.engine.Storage;

/**
 * What one call of an engine's kernel amounts to.
 *
 * @param operation the kernel, with the form that decides its speed: {@code linear 384x1536}, {@code unary GELU}
 * @param flops multiplications and additions of its matrix products; 0 for others
 * @param bytes of all its operands, each counted once
 */
record Work(String operation, long flops, long bytes) {
    private static final int ATTENTION_PRODUCTS = 2;
    private static final int ATTENTION_GRADIENT_PRODUCTS = 4;

    static Work of(Method method, Object[] arguments) {
        StringBuilder name = new StringBuilder(method.getName());
        long bytes = 0;
        long flops = 0;
        for (Object argument : arguments) {
            if (argument instanceof Storage s) {
                bytes += s.size() * s.dtype().bytes();
            } else if (argument instanceof Enum<?> op) {
                name.append(' ').append(op.name());
            } else if (argument instanceof Matmul m) {
                flops = 2L * m.batch() * m.m() * m.n() * m.k();
                name.append(m.transposeA() ? " T" : " N").append(m.transposeB() ? "T" : "N");
                appendSmaller(name, m);
            } else if (argument instanceof AttentionLayout a) {
                int products = method.getName().equals("attention") ? ATTENTION_PRODUCTS : ATTENTION_GRADIENT_PRODUCTS;
                flops = 2L * products * a.probabilities() * a.headSize();
            }
        }
        if (method.getName().equals("linear")) {
            int n = arguments.length;
            int rows = (Integer) arguments[n - 4];
            int in = (Integer) arguments[n - 3];
            int out = (Integer) arguments[n - 2];
            flops = 2L * rows * in * out;
            name.append(' ').append(in).append('x').append(out);
        }
        return new Work(name.toString(), flops, bytes);
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
