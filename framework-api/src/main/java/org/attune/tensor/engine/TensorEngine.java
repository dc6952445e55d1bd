package org.attune.tensor.engine;

import java.nio.ByteBuffer;
import java.util.Set;
import org.attune.tensor.DType;
import org.attune.tensor.io.BlockType;
import org.osgi.annotation.versioning.ProviderType;

/**
 * Raw kernels over an engine's own memory; automatic differentiation sits above, once for all engines, in
 * {@link org.attune.tensor.Tensor}. Published as a service with the property {@code attune.name}.
 *
 * <p>All storages are dense and row-major. Each operand may be of any of the engine's {@link #dtypes()}: a kernel computes in
 * at least float32 and rounds to nearest, ties to even, where it writes, except that a product of operands of two types may
 * first round the wider one to the narrower type, as PyTorch's autocast does; so may attention its probabilities and the
 * gradients of its scores, and a gated product its first factor. Sums and statistics are of type {@link #dtype()}. A number too
 * small for all digits of its type may become 0.
 *
 * <p>A kernel's outputs are allocated by the caller and never overlap its inputs unless stated. Every kernel is synchronous,
 * single-threaded and repeatable to the bit, and may run on several threads at once over different outputs: parallelism comes
 * from the caller's workers. Sizes are checked by the caller; an engine may fail in any way on wrong ones.
 */
@ProviderType
public interface TensorEngine {
    /** For example {@code cpu}. */
    String name();

    /** The type that parameters, statistics and losses have; the widest of {@link #dtypes()}. */
    DType dtype();

    /** All element types that storages may have. */
    Set<DType> dtypes();

    /**
     * Persistent memory, zeroed.
     *
     * @throws IllegalArgumentException if the type is none of {@link #dtypes()}
     */
    Storage allocate(long size, DType dtype);

    /** The types of blocks that {@link #allocateBlocks} takes; none unless the engine says so. */
    default Set<BlockType> blockTypes() {
        return Set.of();
    }

    /**
     * Persistent memory for numbers that stay in blocks. Kernels take it as an operand to read, and decode what they read of it:
     * products and look-ups ({@link #linear}, {@link #linearColumns}, {@link #matmul} with it as {@code b}, {@link #gatherRows}) a
     * piece at a time, the others all of it. None writes to it but {@link #writeBlocks}, and its slices begin at whole blocks.
     *
     * @param size in numbers; the last block may be short
     * @param dtype the type that the numbers count as where a result's type depends on it; they are not rounded to it
     * @throws IllegalArgumentException if the types are none of {@link #blockTypes()} and {@link #dtypes()}
     */
    default Storage allocateBlocks(BlockType type, long size, DType dtype) {
        throw new IllegalArgumentException("engine '" + name() + "' keeps nothing in blocks of type " + type);
    }

    /** Copies whole blocks, all that remain in a buffer, into the start of what {@link #allocateBlocks} has given, or a slice of it. Of a
     * last block that is short there only what fits is copied. */
    default void writeBlocks(ByteBuffer blocks, Storage out) {
        throw new IllegalArgumentException("engine '" + name() + "' keeps nothing in blocks");
    }

    /** Memory for one step; see {@link Arena}. */
    Arena openArena();

    EngineStats stats();

    /** Copies {@code length} numbers from {@code host[offset]} on into the start of {@code out}. */
    void write(float[] host, int offset, int length, Storage out);

    void write(double[] host, int offset, int length, Storage out);

    /** Copies the first {@code length} elements of {@code x} to {@code host[offset]} and on. */
    void read(Storage x, float[] host, int offset, int length);

    void read(Storage x, double[] host, int offset, int length);

    void fill(Storage out, double value);

    /** Copies element by element; between types this is the conversion. */
    void copy(Storage x, Storage out);

    /**
     * Copies {@code count} blocks of {@code length} elements; block i goes from {@code x[xOffset + i xStride]} to
     * {@code out[outOffset + i outStride]}. Slicing and concatenation along any axis are such copies.
     */
    void copyBlocks(
            Storage x,
            long xOffset,
            long xStride,
            Storage out,
            long outOffset,
            long outStride,
            long length,
            long count);

    /** {@code out = x} with axes permuted: axis i of {@code out} is axis {@code axes[i]} of {@code x} [dims]. */
    void permute(Storage x, int[] dims, int[] axes, Storage out);

    void unary(Unary op, Storage x, Storage out);

    /** {@code dx = op'(x) dy}; {@code dx} may be {@code dy}. */
    void unaryGrad(Unary op, Storage x, Storage dy, Storage dx);

    /**
     * {@code out[i] = op(a[i . aStrides], b[i . bStrides])} for each index i of {@code out} [dims]; a stride of 0 repeats an
     * operand along that axis (broadcasting).
     */
    void binary(Binary op, Storage a, int[] aStrides, Storage b, int[] bStrides, int[] dims, Storage out);

    /** {@code out = op(gate) up}: the middle of a gated feed-forward layer (Shazeer 2020, arXiv 2002.05202). */
    void gated(Unary op, Storage gate, Storage up, Storage out);

    /** Gradients of {@link #gated}: {@code dgate = op'(gate) up dy}, {@code dup = op(gate) dy}. */
    void gatedGrad(Unary op, Storage gate, Storage up, Storage dy, Storage dgate, Storage dup);

    /** {@code out = scale x + shift}; {@code out} may be {@code x}. */
    void affine(Storage x, double scale, double shift, Storage out);

    /** {@code out += scale x}. */
    void accumulate(double scale, Storage x, Storage out);

    /** {@code out[o, i] = sum over n of x[o, n, i]}. */
    void sum(Storage x, int outer, int n, int inner, Storage out);

    void matmul(Matmul form, Storage a, Storage b, Storage out);

    /**
     * {@code y = x w^T + bias}: a linear layer.
     *
     * @param x [rows, in]
     * @param w [out, in], as PyTorch keeps it
     * @param bias [out], or null
     * @param y [rows, out]
     */
    void linear(Storage x, Storage w, Storage bias, int rows, int in, int out, Storage y);

    /**
     * The columns from {@code from} up to, and without, {@code to} of {@link #linear}'s result, the rest of {@code y} untouched: so
     * threads share one product out, each reading its part of the weight. They may write to one {@code y} at once.
     */
    default void linearColumns(
            Storage x, Storage w, Storage bias, int rows, int in, int out, int from, int to, Storage y) {
        int columns = to - from;
        try (Arena arena = openArena()) {
            Storage part = arena.allocate((long) rows * columns, y.dtype());
            linear(
                    x,
                    w.slice((long) from * in, (long) columns * in),
                    bias == null ? null : bias.slice(from, columns),
                    rows,
                    in,
                    columns,
                    part);
            copyBlocks(part, 0, columns, y, from, out, columns, rows);
        }
    }

    /** Softmax over the last axis: {@code x}, {@code y} [rows, columns]. */
    void softmax(Storage x, int rows, int columns, Storage y);

    /** {@code dx = y (dy - sum(y dy))} by row; {@code dx} may be {@code dy}. */
    void softmaxGrad(Storage y, Storage dy, int rows, int columns, Storage dx);

    void logSoftmax(Storage x, int rows, int columns, Storage y);

    /** {@code dx = dy - exp(y) sum(dy)} by row. */
    void logSoftmaxGrad(Storage y, Storage dy, int rows, int columns, Storage dx);

    /**
     * Layer normalisation over the last axis, with biased variance (Ba et al. 2016).
     *
     * @param x and y [rows, columns]
     * @param gamma and beta [columns]
     * @param mean and rstd [rows], kept for the gradient; rstd = 1 / sqrt(variance + eps)
     */
    void layerNorm(
            Storage x,
            Storage gamma,
            Storage beta,
            int rows,
            int columns,
            double eps,
            Storage y,
            Storage mean,
            Storage rstd);

    /**
     * Gradients of {@link #layerNorm}, overwritten; an output that is null is not wanted, and {@code dx} may be {@code dy}.
     */
    void layerNormGrad(
            Storage x,
            Storage gamma,
            Storage mean,
            Storage rstd,
            Storage dy,
            int rows,
            int columns,
            Storage dx,
            Storage dgamma,
            Storage dbeta);

    /**
     * Root mean square normalisation over the last axis (Zhang and Sennrich 2019, arXiv 1910.07467):
     * {@code y = x gamma / sqrt(mean(x^2) + eps)}.
     *
     * @param x and y [rows, columns]
     * @param gamma [columns]
     * @param rrms [rows], kept for the gradient; 1 / sqrt(mean(x^2) + eps)
     */
    void rmsNorm(Storage x, Storage gamma, int rows, int columns, double eps, Storage y, Storage rrms);

    /** Gradients of {@link #rmsNorm}, overwritten; one that is null is not wanted, and {@code dx} may be {@code dy}. */
    void rmsNormGrad(
            Storage x, Storage gamma, Storage rrms, Storage dy, int rows, int columns, Storage dx, Storage dgamma);

    /**
     * Rotary position embedding (Su et al. 2021, arXiv 2104.09864) with the halves of a head as pairs, as Hugging Face's Llama
     * has it: element i and element i + headSize/2 of a head turn by one angle. The gradient is the turn back.
     *
     * @param x and out [rows, heads * headSize]; {@code out} may be {@code x}
     * @param cos and sin of the angles, row-major [rows, headSize/2]
     * @param back turn by the negated angles
     */
    void rotary(Storage x, int rows, int heads, int headSize, float[] cos, float[] sin, boolean back, Storage out);

    /** {@code out[i] = table[rows[i]]}, rows of {@code columns} elements. */
    void gatherRows(Storage table, int columns, int[] rows, Storage out);

    /** {@code out[rows[i]] += x[i]}; rows may repeat and are added in order. */
    void scatterAddRows(Storage x, int columns, int[] rows, Storage out);

    /**
     * Softmax attention, block-diagonal by sequence; a layout may hide later keys and those before a window, and cap the scores.
     *
     * @param q [queries, heads * headSize]
     * @param k and v [keys, keyHeads * headSize]
     * @param out [queries, heads * headSize]
     * @param probabilities {@link AttentionLayout#probabilities()} elements in an order of the engine's own, kept for the gradient
     */
    void attention(AttentionLayout layout, Storage q, Storage k, Storage v, Storage out, Storage probabilities);

    /** Gradients of {@link #attention}, all overwritten; one that is null is not wanted. */
    void attentionGrad(
            AttentionLayout layout,
            Storage q,
            Storage k,
            Storage v,
            Storage probabilities,
            Storage dout,
            Storage dq,
            Storage dk,
            Storage dv);

    /**
     * Cross-entropy of each row with its label, in nats; a label of -100 gives a loss of 0.
     *
     * @param logits [rows, classes]
     * @param losses [rows]
     * @param probabilities [rows, classes], kept for the gradient; may be {@code logits}
     */
    void crossEntropy(Storage logits, int rows, int classes, int[] labels, Storage losses, Storage probabilities);

    /** {@code dlogits = (probabilities - onehot(label)) dlosses}, 0 in rows labelled -100; may be {@code probabilities}. */
    void crossEntropyGrad(Storage probabilities, int rows, int classes, int[] labels, Storage dlosses, Storage dlogits);

    /** The sum of squares, accumulated in float64 in a fixed order. */
    double sumOfSquares(Storage x);

    /** Updates {@code parameter} and both moments in place. */
    void adam(AdamStep step, Storage parameter, Storage gradient, Storage firstMoment, Storage secondMoment);
}
