package org.attune.tensor;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.Binary;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.engine.Unary;
import org.attune.tensor.io.BlockType;

/**
 * An array of numbers in an engine's memory, with differentiable operations that run at once. Dense, row-major.
 *
 * <p>Operations never change their inputs. Inside a {@link Scope} their results live as long as the scope, and those that
 * depend on a trainable tensor are recorded for {@link Scope#backward}. Shapes must match exactly, except that element-wise
 * operations of two tensors broadcast as in NumPy: axes are aligned at the last, and an extent of 1 is repeated.
 *
 * <p>Types may be mixed. Products (matmul, linear, attention) give the narrower of their operands' types, as PyTorch's autocast
 * does: with a base model in bfloat16 and parameters in float32, activations are bfloat16. Element-wise operations of two
 * tensors give the wider, all others that of this tensor; losses are of the engine's own type. A gradient has the type of its
 * tensor.
 */
public final class Tensor implements AutoCloseable {
    private final TensorEngine engine;
    private final Storage storage;
    private final Shape shape;
    /** Changes for a parameter that is frozen, between steps. */
    private boolean requiresGradient;

    private final boolean leaf;
    private final boolean view;

    private Tensor(
            TensorEngine engine, Storage storage, Shape shape, boolean requiresGradient, boolean leaf, boolean view) {
        this.engine = engine;
        this.storage = storage;
        this.shape = shape;
        this.requiresGradient = requiresGradient;
        this.leaf = leaf;
        this.view = view;
    }

    // ---- making and reading ----

    /** A tensor with these values: persistent where no scope is open, else of the scope. */
    public static Tensor of(TensorEngine engine, Shape shape, float... values) {
        checkSize(shape, values.length);
        Tensor t = allocate(engine, shape, engine.dtype());
        engine.write(values, 0, values.length, t.storage);
        return t;
    }

    /** See {@link #of(TensorEngine, Shape, float...)}. */
    public static Tensor of(TensorEngine engine, Shape shape, double... values) {
        checkSize(shape, values.length);
        Tensor t = allocate(engine, shape, engine.dtype());
        engine.write(values, 0, values.length, t.storage);
        return t;
    }

    /** A tensor of the engine's own type in persistent memory, whatever scope is open, filled with 0; its owner closes it. */
    public static Tensor zeros(TensorEngine engine, Shape shape) {
        return zeros(engine, shape, engine.dtype());
    }

    /** See {@link #zeros(TensorEngine, Shape)}. @throws IllegalArgumentException if the engine has no such type */
    public static Tensor zeros(TensorEngine engine, Shape shape, DType dtype) {
        return new Tensor(engine, engine.allocate(shape.size(), dtype), shape, false, true, false);
    }

    /**
     * Numbers that stay in blocks, in persistent memory, whatever scope is open; its owner fills it by
     * {@link TensorEngine#writeBlocks} and closes it. It is read as any constant.
     *
     * @throws IllegalArgumentException if the engine keeps no such blocks
     */
    public static Tensor inBlocks(TensorEngine engine, Shape shape, BlockType type, DType dtype) {
        return new Tensor(engine, engine.allocateBlocks(type, shape.size(), dtype), shape, false, true, false);
    }

    /**
     * A tensor of the current scope, persistent where none is open.
     *
     * @param fill writes all elements
     */
    public static Tensor filled(TensorEngine engine, Shape shape, DType dtype, Consumer<Storage> fill) {
        Tensor t = allocate(engine, shape, dtype);
        fill.accept(t.storage);
        return t;
    }

    /** A tensor of the current scope with unspecified content. */
    static Tensor allocate(TensorEngine engine, Shape shape, DType dtype) {
        return new Tensor(engine, Scope.allocate(engine, shape.size(), dtype), shape, false, true, false);
    }

    /** A tensor of the current scope with unspecified content, of this one's type. */
    Tensor allocate(Shape like) {
        return allocate(engine, like, dtype());
    }

    private static void checkSize(Shape shape, int values) {
        if (shape.size() != values) {
            throw new IllegalArgumentException(
                    "shape " + shape + " holds " + shape.size() + " values, given are " + values);
        }
    }

    public TensorEngine engine() {
        return engine;
    }

    public Shape shape() {
        return shape;
    }

    public DType dtype() {
        return storage.dtype();
    }

    /** The same numbers as another type, rounded to nearest; this tensor itself where it has that type. Differentiable. */
    public Tensor to(DType dtype) {
        return Elementwise.convert(this, dtype);
    }

    /** The elements; for engines and the optimiser. */
    public Storage storage() {
        return storage;
    }

    /** Whether a loss made from this tensor has a gradient with respect to something trainable. */
    public boolean requiresGradient() {
        return requiresGradient;
    }

    /** Whether this is data or a parameter, rather than the recorded result of an operation. */
    public boolean isLeaf() {
        return leaf;
    }

    /** The same memory as a trainable leaf: losses have gradients with respect to it. */
    public Tensor trainable() {
        return new Tensor(engine, storage, shape, true, true, false);
    }

    /**
     * Makes a trainable leaf a constant, or trainable again, wherever it is used; only while nothing is computed with it. Its owner
     * decides: for others see {@link #detach}.
     *
     * @throws IllegalStateException if this is the result of a recorded operation
     */
    public void train(boolean on) {
        if (!leaf) {
            throw new IllegalStateException("not a leaf: " + this);
        }
        requiresGradient = on;
    }

    /** The same memory, taken as a constant. */
    public Tensor detach() {
        return new Tensor(engine, storage, shape, false, true, true);
    }

    /** The same memory as the input of a pass of its own, which is to give its gradient. */
    Tensor dependent() {
        return new Tensor(engine, storage, shape, true, false, true);
    }

    /** A copy in persistent memory, a constant; its owner closes it. */
    public Tensor keep() {
        Tensor t = zeros(engine, shape, dtype());
        engine.copy(storage, t.storage);
        return t;
    }

    /** The elements in row-major order. */
    public float[] toFloats() {
        float[] out = new float[Math.toIntExact(shape.size())];
        engine.read(storage, out, 0, out.length);
        return out;
    }

    /** The elements in row-major order. */
    public double[] toDoubles() {
        double[] out = new double[Math.toIntExact(shape.size())];
        engine.read(storage, out, 0, out.length);
        return out;
    }

    /** The value of a tensor of one element. */
    public double item() {
        if (shape.size() != 1) {
            throw new IllegalStateException("item() of a tensor of shape " + shape);
        }
        return toDoubles()[0];
    }

    /** Overwrites the elements; only for leaves outside a recorded computation, such as parameters being loaded. */
    public void set(double... values) {
        checkSize(shape, values.length);
        engine.write(values, 0, values.length, storage);
    }

    /** See {@link #set(double...)}. */
    public void set(float... values) {
        checkSize(shape, values.length);
        engine.write(values, 0, values.length, storage);
    }

    /** Overwrites the elements by those of a tensor of the same shape and type; as {@link #set(double...)}. */
    public void set(Tensor values) {
        if (!values.shape.equals(shape)) {
            throw new IllegalArgumentException("cannot set " + shape + " to " + values.shape);
        }
        engine.copy(values.storage, storage);
    }

    /** Frees a persistent tensor. Tensors of a scope need not be closed. */
    @Override
    public void close() {
        if (!view) {
            storage.close();
        }
    }

    void release() {
        if (!leaf && !view) {
            storage.close();
        }
    }

    // ---- element-wise ----

    public Tensor add(Tensor b) {
        return Elementwise.binary(Binary.ADD, this, b);
    }

    public Tensor sub(Tensor b) {
        return Elementwise.binary(Binary.SUB, this, b);
    }

    public Tensor mul(Tensor b) {
        return Elementwise.binary(Binary.MUL, this, b);
    }

    public Tensor div(Tensor b) {
        return Elementwise.binary(Binary.DIV, this, b);
    }

    /** {@code scale x}. */
    public Tensor mul(double scale) {
        return Elementwise.affine(this, scale, 0);
    }

    /** {@code x + shift}. */
    public Tensor add(double shift) {
        return Elementwise.affine(this, 1, shift);
    }

    public Tensor neg() {
        return mul(-1);
    }

    public Tensor square() {
        return mul(this);
    }

    public Tensor exp() {
        return Elementwise.unary(Unary.EXP, this);
    }

    public Tensor log() {
        return Elementwise.unary(Unary.LOG, this);
    }

    public Tensor sqrt() {
        return Elementwise.unary(Unary.SQRT, this);
    }

    public Tensor abs() {
        return Elementwise.unary(Unary.ABS, this);
    }

    public Tensor tanh() {
        return Elementwise.unary(Unary.TANH, this);
    }

    public Tensor sigmoid() {
        return Elementwise.unary(Unary.SIGMOID, this);
    }

    public Tensor relu() {
        return Elementwise.unary(Unary.RELU, this);
    }

    /** The exact Gaussian error linear unit (Hendrycks and Gimpel 2016), by erf. */
    public Tensor gelu() {
        return Elementwise.unary(Unary.GELU, this);
    }

    /** GPT-2's tanh approximation of {@link #gelu}. */
    public Tensor geluTanh() {
        return Elementwise.unary(Unary.GELU_TANH, this);
    }

    /** x sigmoid(x). */
    public Tensor silu() {
        return Elementwise.unary(Unary.SILU, this);
    }

    /** The function named by {@code op}. */
    public Tensor apply(Unary op) {
        return Elementwise.unary(op, this);
    }

    /** {@code op(this) up}: a gated feed-forward layer's middle, {@code silu(gate) up} in Llama. */
    public Tensor gated(Unary op, Tensor up) {
        return Elementwise.gated(op, this, up);
    }

    // ---- matrices ----

    /** The product over the last two axes: [..., m, k] x [..., k, n] or [k, n] gives [..., m, n]. */
    public Tensor matmul(Tensor b) {
        return matmul(b, false, false);
    }

    /**
     * {@link #matmul(Tensor)} with an operand's last two axes swapped.
     *
     * @throws IllegalArgumentException if the inner extents or the leading axes differ
     */
    public Tensor matmul(Tensor b, boolean transposeA, boolean transposeB) {
        return Matrices.matmul(this, b, transposeA, transposeB, 1, null);
    }

    /** {@code this + scale a op(b)} for {@code a} [m, k] and {@code b} [k, n], or [n, k] when transposed. */
    public Tensor addMatmul(Tensor a, Tensor b, boolean transposeB, double scale) {
        return Matrices.matmul(a, b, false, transposeB, scale, this);
    }

    /**
     * {@link #addMatmul} for a caller to whom this tensor is of no more use: where no gradient reads its elements either, the
     * result takes its memory over, which spares a copy. This tensor is not to be used afterwards.
     */
    public Tensor addMatmulInPlace(Tensor a, Tensor b, boolean transposeB, double scale) {
        return requiresGradient && !leaf && !view && Scope.isIntermediate(this)
                ? Matrices.addInPlace(this, a, b, transposeB, scale)
                : addMatmul(a, b, transposeB, scale);
    }

    /**
     * A linear layer: {@code x w^T + bias}.
     *
     * @param weight [out, in]
     * @param bias [out], or null for none
     * @return [..., out] for this tensor's [..., in]
     */
    public Tensor linear(Tensor weight, Tensor bias) {
        return Matrices.linear(this, weight, bias);
    }

    // ---- normalisation ----

    /** Softmax over the last axis. */
    public Tensor softmax() {
        return Normalisation.softmax(this);
    }

    /** The logarithm of {@link #softmax}, computed without overflow. */
    public Tensor logSoftmax() {
        return Normalisation.logSoftmax(this);
    }

    /**
     * Layer normalisation over the last axis (Ba et al. 2016), with biased variance.
     *
     * @param gamma and beta [n] for this tensor's [..., n]
     * @param eps added to the variance
     */
    public Tensor layerNorm(Tensor gamma, Tensor beta, double eps) {
        return Normalisation.layerNorm(this, gamma, beta, eps);
    }

    /**
     * Root mean square normalisation over the last axis (Zhang and Sennrich 2019).
     *
     * @param gamma [n] for this tensor's [..., n]
     * @param eps added to the mean square
     */
    public Tensor rmsNorm(Tensor gamma, double eps) {
        return Normalisation.rmsNorm(this, gamma, eps);
    }

    // ---- reductions ----

    /** The sum of all elements, a scalar. */
    public Tensor sum() {
        return Reductions.sum(this, 0, shape.rank(), Shape.SCALAR, 1, dtype());
    }

    /** The sum along one axis, which disappears. */
    public Tensor sum(int axis) {
        return Reductions.sum(this, shape.axis(axis), 1);
    }

    /** The mean of all elements, a scalar. */
    public Tensor mean() {
        return Reductions.sum(this, 0, shape.rank(), Shape.SCALAR, 1.0 / shape.size(), dtype());
    }

    /** The mean along one axis, which disappears. */
    public Tensor mean(int axis) {
        return Reductions.sum(this, shape.axis(axis), 1.0 / shape.dim(axis));
    }

    // ---- shapes ----

    /** The same elements under another shape of the same size; shares the memory. */
    public Tensor reshape(int... dims) {
        Shape to = Shape.of(dims);
        if (to.size() != shape.size()) {
            throw new IllegalArgumentException("cannot reshape " + shape + " to " + to);
        }
        Shape from = shape;
        return derived(to, (dy, in) -> in.add(0, dy.as(from)));
    }

    /** A recorded view; its gradient goes through {@code backward}. */
    private Tensor derived(Shape to, Backward backward) {
        boolean recorded = requiresGradient && Scope.recording();
        Tensor out = new Tensor(engine, storage, to, recorded, !recorded, true);
        if (recorded) {
            Scope.record(new Node(new Tensor[] {this}, out, backward, new Tensor[0], new Tensor[0]));
        }
        return out;
    }

    /** The same memory, which stays this tensor's to free, as a constant of another shape. */
    Tensor as(Shape to) {
        return new Tensor(engine, storage, to, false, true, true);
    }

    /** Axes in a new order: axis i of the result is axis {@code axes[i]} of this. */
    public Tensor permute(int... axes) {
        return Shapes.permute(this, axes);
    }

    /** The last two axes swapped. */
    public Tensor transpose() {
        int r = shape.rank();
        int[] axes = new int[r];
        Arrays.setAll(axes, i -> i < r - 2 ? i : 2 * r - 3 - i);
        return permute(axes);
    }

    /** The part from index {@code from} up to, and without, {@code to} along one axis. */
    public Tensor slice(int axis, int from, int to) {
        return Shapes.slice(this, shape.axis(axis), from, to);
    }

    /** Tensors laid one after another along an axis; their other extents are equal. */
    public static Tensor concat(int axis, List<Tensor> parts) {
        return Shapes.concat(axis, parts);
    }

    /** Rows by index: row i of the result is row {@code rows[i]} of this [n, ...]. Embedding look-up, and more. */
    public Tensor gatherRows(int... rows) {
        return Shapes.gatherRows(this, rows);
    }

    /** Row i of this becomes row {@code rows[i]} of a tensor of n rows that are 0 otherwise; rows that recur are summed. */
    public Tensor scatterRows(int[] rows, int n) {
        return Shapes.scatterRows(this, rows, n);
    }

    // ---- attention and losses ----

    /**
     * Rotary position embedding of each head of this tensor [rows, heads * headSize]; element i and element i + headSize/2 of a
     * head are a pair.
     *
     * @param cos and sin of the angles, row-major [rows, headSize/2]
     */
    public Tensor rotary(int headSize, float[] cos, float[] sin) {
        return Attention.rotary(this, headSize, cos, sin);
    }

    /**
     * Softmax attention over packed sequences: {@code softmax(scale q k^T) v} within each sequence and head.
     *
     * @param k and v [keys, keyHeads * headSize]
     * @return [queries, heads * headSize], the shape of this tensor, the queries
     */
    public Tensor attention(Tensor k, Tensor v, AttentionLayout layout) {
        return Attention.attention(this, k, v, layout);
    }

    /**
     * Cross-entropy in nats of each row of logits [rows, classes] with its label; a label of -100 counts 0.
     *
     * @return losses [rows]
     * @throws IllegalArgumentException if the number of labels differs or a label is no class
     */
    public Tensor crossEntropy(int... labels) {
        return Losses.crossEntropy(this, labels);
    }

    /**
     * {@link #linear} without bias followed by {@link #crossEntropy}, in pieces of a few rows, so that the logits of a large
     * vocabulary never exist at once; rows labelled -100 cost nothing.
     *
     * @param weight [classes, hidden] for this tensor's [rows, hidden]
     * @return losses in nats [rows]
     */
    public Tensor linearCrossEntropy(Tensor weight, int... labels) {
        return Losses.linearCrossEntropy(this, weight, labels);
    }

    /**
     * {@code body(this)}, of which only this input is kept for the gradient: backward computes the rest again, with the same bits.
     *
     * @param body gives the same each time; beside its argument it uses parameters and constants, not results of other operations
     *     that have a gradient
     */
    public Tensor checkpoint(UnaryOperator<Tensor> body) {
        return Checkpoint.of(this, body);
    }

    // ---- extension ----

    /**
     * An operation with a gradient of its own. {@code forward} runs with nothing recorded; what {@code backward} needs of the
     * inputs or of the result it captures.
     *
     * @param forward returns a tensor that it made, or one of its inputs, reshaped or not
     */
    public static Tensor custom(List<Tensor> inputs, Function<List<Tensor>, Tensor> forward, Backward backward) {
        Tensor out = Scope.withoutGradient(() -> forward.apply(inputs));
        boolean alias = inputs.stream().anyMatch(in -> in.storage == out.storage);
        Tensor owned = alias ? out.as(out.shape) : out; // an input's memory is not the result's to free
        List<Tensor> saved = new ArrayList<>(inputs);
        saved.add(owned);
        return recorded(owned, backward, saved, inputs.toArray(Tensor[]::new));
    }

    /**
     * {@code out}, entered on the tape where an input needs a gradient.
     *
     * @param saved those among inputs and output whose elements {@code backward} reads
     */
    static Tensor recorded(Tensor out, Backward backward, List<Tensor> saved, Tensor... inputs) {
        return recorded(out, List.of(), backward, saved, inputs);
    }

    /** As above, for an operation that has kept more than inputs and output for its gradient. */
    static Tensor recorded(Tensor out, List<Tensor> kept, Backward backward, List<Tensor> saved, Tensor... inputs) {
        if (Scope.recording()) {
            for (Tensor input : inputs) {
                if (input.requiresGradient) {
                    return dependent(out, inputs, backward, kept.toArray(Tensor[]::new), saved.toArray(Tensor[]::new));
                }
            }
        }
        kept.forEach(Tensor::close);
        return out;
    }

    /** {@code out}, entered on the tape. */
    static Tensor dependent(Tensor out, Tensor[] inputs, Backward backward, Tensor[] kept, Tensor[] saved) {
        Tensor result = new Tensor(out.engine, out.storage, out.shape, true, false, out.view);
        Scope.record(new Node(inputs, result, backward, kept, saved));
        return result;
    }

    /** The shape and the engine, not the elements. */
    @Override
    public String toString() {
        return "Tensor" + shape + "@" + engine.name();
    }
}
