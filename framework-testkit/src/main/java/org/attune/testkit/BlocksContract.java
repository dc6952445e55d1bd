package org.attune.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.attune.tensor.DType;
import org.attune.tensor.Gradients;
import org.attune.tensor.Rng;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.io.BlockType;
import org.attune.tensor.io.HalfFloats;
import org.junit.jupiter.api.Test;

/** See {@link EngineContract.Blocks}. A matrix in blocks does what the matrix of its decoded numbers does. */
abstract class BlocksContract {
    /** Of scales and minima. */
    private static final float LARGEST = 0.1f;

    private static final int LARGEST_INTEGER = 128;

    private final TensorEngine engine;
    private final TensorEngine oracle;

    BlocksContract(TensorEngine engine, TensorEngine oracle) {
        this.engine = engine;
        this.oracle = oracle;
    }

    /** A matrix by an engine under test, and its numbers. */
    private record Matrix(Tensor blocks, double[] numbers, Shape shape) implements AutoCloseable {
        @Override
        public void close() {
            blocks.close();
        }
    }

    private Matrix matrix(BlockType type, DType dtype, int rows, int columns) {
        int n = (int) type.blocks((long) rows * columns);
        Rng rng = Rng.of(5).at(type.name()).at(columns);
        ByteBuffer bytes = ByteBuffer.allocate(n * type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < bytes.capacity(); i++) {
            bytes.put(i, (byte) (256 * rng.uniform(i)));
        }
        for (int i = 0; i < n; i++) {
            // The first block is all 0, or all minimum; the second has a scale that is too small for all digits.
            float scale = i == 0 ? 0 : i == 1 ? 0x1p-20f : (float) (LARGEST * (2 * rng.uniform(-2 * i - 1) - 1));
            float second = (float) (LARGEST * (2 * rng.uniform(-2 * i - 2) - 1));
            int at = i * type.bytes();
            switch (type) {
                case Q8_0 -> bytes.putShort(at, HalfFloats.toFloat16(scale));
                case Q4_1 ->
                    bytes.putShort(at, HalfFloats.toFloat16(scale)).putShort(at + 2, HalfFloats.toFloat16(second));
                case NF4, INT8 -> bytes.putFloat(at, scale);
                case NF4_DOUBLE -> bytes.putFloat(at, second).putFloat(at + 4, scale);
            }
        }
        float[] numbers = new float[n * type.elements()];
        for (int i = 0; i < n; i++) {
            type.decode(bytes, i * type.bytes(), numbers, i * type.elements());
        }
        Shape shape = Shape.of(rows, columns);
        Tensor tensor = Tensor.inBlocks(engine, shape, type, dtype);
        int first = rows / 2 * columns / type.elements(); // in two pieces
        int cut = first * type.bytes();
        engine.writeBlocks(bytes.slice(0, cut), tensor.storage());
        engine.writeBlocks(
                bytes.slice(cut, bytes.capacity() - cut),
                tensor.storage().slice((long) first * type.elements(), shape.size() - (long) first * type.elements()));
        double[] exact = new double[rows * columns];
        Arrays.setAll(exact, i -> numbers[i]);
        return new Matrix(tensor, exact, shape);
    }

    private interface Check {
        void with(BlockType type, DType dtype);
    }

    private void forAllTypes(Check check) {
        for (BlockType type : engine.blockTypes()) {
            for (DType dtype : engine.dtypes()) {
                check.with(type, dtype);
            }
        }
    }

    @Test
    void whatTheEngineDoesNotNameItRefuses() {
        for (BlockType type : BlockType.values()) {
            if (!engine.blockTypes().contains(type)) {
                assertThatThrownBy(() -> engine.allocateBlocks(type, type.elements(), engine.dtype()))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining(type.name());
            }
        }
    }

    @Test
    void numbersAreReadAsDecoded() {
        forAllTypes((type, dtype) -> {
            try (Matrix w = matrix(type, dtype, 5, 96)) {
                assertThat(w.blocks.toDoubles()).containsExactly(w.numbers);
                float[] some = new float[50];
                engine.read(w.blocks.storage().slice(64, 50), some, 0, 50);
                for (int i = 0; i < some.length; i++) {
                    assertThat(some[i]).isEqualTo((float) w.numbers[64 + i]);
                }
                Scope.inference(engine, () -> {
                    Tensor picked = w.blocks.gatherRows(4, 0, 4).to(engine.dtype());
                    if (dtype == engine.dtype()) {
                        assertThat(picked.slice(0, 0, 1).toDoubles())
                                .containsExactly(Arrays.copyOfRange(w.numbers, 4 * 96, 5 * 96));
                        assertThat(picked.slice(0, 1, 2).toDoubles())
                                .containsExactly(Arrays.copyOfRange(w.numbers, 0, 96));
                        new Closeness(0, 0)
                                .check(
                                        "twice all",
                                        w.blocks.mul(2).toDoubles(),
                                        Arrays.stream(w.numbers).map(v -> 2 * v).toArray());
                        assertThat(w.blocks.slice(1, 32, 64).toDoubles()).startsWith(w.numbers[32], w.numbers[33]);
                    } else {
                        Precision.check(
                                "rows in " + dtype,
                                dtype,
                                picked.slice(0, 1, 3).toDoubles(),
                                concat(Arrays.copyOf(w.numbers, 96), Arrays.copyOfRange(w.numbers, 4 * 96, 5 * 96)));
                    }
                    return null;
                });
            }
        });
    }

    private static double[] concat(double[] a, double[] b) {
        double[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }

    /** The result and the gradient of x, by an engine. */
    private static List<double[]> run(TensorEngine on, Tensor w, double[] x, Shape shape, Operation op) {
        try (Tensor leaf = Tensor.zeros(on, shape).trainable();
                Gradients gradients = new Gradients(List.of(leaf));
                Scope scope = Scope.open(on)) {
            leaf.set(x);
            Tensor y = op.of(leaf, w);
            List<double[]> both = new ArrayList<>(List.of(y.toDoubles()));
            scope.backward(
                    y.to(on.dtype()).square().mul(0.5).add(y.to(on.dtype())).sum(), gradients);
            both.add(gradients.of(leaf).toDoubles());
            return both;
        }
    }

    private interface Operation {
        Tensor of(Tensor x, Tensor w);
    }

    /** Compares an operation with the oracle's on the decoded numbers. */
    private void compare(String what, Matrix w, DType dtype, Shape shape, int summed, Operation op) {
        double[] x = Values.ANY.draw(shape, 3);
        List<double[]> actual = run(engine, w.blocks, x, shape, (in, weight) -> op.of(in.to(dtype), weight));
        List<double[]> expected;
        try (Tensor numbers = Tensor.zeros(oracle, w.shape)) {
            numbers.set(w.numbers);
            expected = run(oracle, numbers, x, shape, op);
        }
        for (int i = 0; i < 2; i++) {
            String result = what + (i == 0 ? "" : ", gradient") + " of " + shape + " with " + w.shape + " in " + dtype;
            if (dtype != engine.dtype()) {
                Precision.check(result, dtype, actual.get(i), expected.get(i));
            } else {
                Closeness close = Closeness.of(dtype);
                double largest =
                        Arrays.stream(expected.get(0)).map(Math::abs).max().orElse(0) + 1;
                double added = i == 0 ? 2.0 * summed : largest * w.shape.size() / summed;
                new Closeness(close.relative() * LARGEST * LARGEST_INTEGER * Math.sqrt(added), close.relative())
                        .check(result, actual.get(i), expected.get(i));
            }
        }
    }

    @Test
    void aLinearLayerAndItsGradientAreThoseOfTheDecodedNumbers() {
        forAllTypes((type, dtype) -> {
            for (int[] size :
                    new int[][] {{1, 32, 1}, {3, 96, 33}, {17, 576, 70}, {5, 40, 33}, {64, 64, 130}, {75, 1056, 300}}) {
                try (Matrix w = matrix(type, dtype, size[2], size[1]);
                        Tensor bias = Tensor.zeros(engine, Shape.of(size[2]))) {
                    Shape x = Shape.of(size[0], size[1]);
                    compare("linear", w, dtype, x, size[1], (in, weight) -> in.linear(weight, null));
                    compare(
                            "linear with bias",
                            w,
                            dtype,
                            x,
                            size[1],
                            (in, weight) -> in.linear(weight, weight.engine() == engine ? bias : null));
                }
            }
        });
    }

    @Test
    void productsAreThoseOfTheDecodedNumbers() {
        forAllTypes((type, dtype) -> {
            try (Matrix w = matrix(type, dtype, 65, 96)) {
                compare("x w", w, dtype, Shape.of(5, 65), 65, (x, weight) -> x.matmul(weight));
                compare("x^T w", w, dtype, Shape.of(65, 5), 65, (x, weight) -> x.matmul(weight, true, false));
                compare("x w^T", w, dtype, Shape.of(5, 96), 96, (x, weight) -> x.matmul(weight, false, true));
                compare("x^T w^T", w, dtype, Shape.of(96, 5), 96, (x, weight) -> x.matmul(weight, true, true));
                compare("batches", w, dtype, Shape.of(2, 3, 65), 65, (x, weight) -> x.matmul(weight));
                compare("w x", w, dtype, Shape.of(96, 3), 96, (x, weight) -> weight.matmul(x));
            }
        });
    }

    @Test
    void columnsOfALinearLayerLeaveTheOthersAlone() {
        forAllTypes((type, dtype) -> {
            int rows = 3;
            int out = 130;
            try (Matrix w = matrix(type, dtype, out, 96);
                    Tensor x = Tensor.zeros(engine, Shape.of(rows, 96));
                    Tensor bias = Tensor.zeros(engine, Shape.of(out));
                    Tensor whole = Tensor.zeros(engine, Shape.of(rows, out), dtype);
                    Tensor parts = Tensor.zeros(engine, Shape.of(rows, out), dtype)) {
                x.set(Values.ANY.draw(x.shape(), 1));
                bias.set(Values.ANY.draw(bias.shape(), 2));
                Storage weight = w.blocks.storage();
                engine.linear(x.storage(), weight, bias.storage(), rows, 96, out, whole.storage());
                engine.linearColumns(x.storage(), weight, bias.storage(), rows, 96, out, 0, 65, parts.storage());
                double[] first = parts.toDoubles();
                for (int i = 0; i < first.length; i++) {
                    assertThat(first[i] == 0).as("element %d", i).isEqualTo(i % out >= 65);
                }
                engine.linearColumns(x.storage(), weight, bias.storage(), rows, 96, out, 65, out, parts.storage());
                Precision.check("columns in " + dtype, dtype, parts.toDoubles(), whole.toDoubles());
            }
        });
    }

    @Test
    void crossEntropyOverAVocabularyInBlocksIsThatOfTheDecodedNumbers() {
        forAllTypes((type, dtype) -> {
            if (dtype == engine.dtype()) {
                try (Matrix w = matrix(type, dtype, 530, 64)) {
                    int[] labels = new int[300];
                    Arrays.setAll(labels, i -> i % 7 == 0 ? -100 : i % 530);
                    compare(
                            "cross-entropy",
                            w,
                            dtype,
                            Shape.of(300, 64),
                            64,
                            (x, weight) -> x.mul(0.1).linearCrossEntropy(weight, labels));
                }
            }
        });
    }

    @Test
    void closingGivesTheMemoryBack() {
        long before = engine.stats().liveBytes();
        forAllTypes((type, dtype) -> {
            Matrix w = matrix(type, dtype, 64, 64);
            assertThat(engine.stats().liveBytes())
                    .isGreaterThanOrEqualTo(before + w.blocks.storage().bytes());
            w.close();
            w.close();
            assertThat(engine.stats().liveBytes()).isEqualTo(before);
            assertThatThrownBy(w.blocks::toDoubles).isInstanceOf(IllegalStateException.class);
        });
    }
}
