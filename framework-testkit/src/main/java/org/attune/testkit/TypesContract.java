package org.attune.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.fail;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.attune.tensor.DType;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;
import org.attune.testkit.KernelCase.Role;
import org.attune.testkit.KernelCase.Types;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** See {@link EngineContract.ElementTypes}. */
abstract class TypesContract {
    private static final AttentionLayout ATTENTION = AttentionLayout.self(new int[] {0, 2}, 1, 2, false);

    private final TensorEngine engine;
    private final TensorEngine oracle;

    TypesContract(TensorEngine engine, TensorEngine oracle) {
        this.engine = engine;
        this.oracle = oracle;
    }

    private List<DType> narrow() {
        return engine.dtypes().stream().filter(t -> t != engine.dtype()).toList();
    }

    // ---- kernels ----

    /** Against the oracle in its own type on the same, already rounded, numbers. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("org.attune.testkit.KernelCases#all")
    void aKernelRoundsOnceWhereItWrites(KernelCase kernel) {
        for (Types types : types(kernel)) {
            check(kernel, types, false);
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("org.attune.testkit.KernelCases#all")
    void slicesAtAnyOffsetDoAsWell(KernelCase kernel) {
        check(kernel, new Types(engine.dtype(), engine.dtype(), engine.dtype()), true);
        for (DType t : narrow()) {
            check(kernel, new Types(t, t, t), true);
        }
    }

    /** Each role wide or narrow. */
    private Set<Types> types(KernelCase kernel) {
        DType wide = engine.dtype();
        Set<Types> all = new LinkedHashSet<>();
        all.add(new Types(wide, wide, wide));
        for (DType t : narrow()) {
            for (DType activation : List.of(t, wide)) {
                for (DType parameter : kernel.has(Role.PARAMETER) ? List.of(t, wide) : List.of(activation)) {
                    for (DType output : List.of(t, wide)) {
                        all.add(new Types(activation, parameter, output));
                    }
                }
            }
        }
        return all;
    }

    private void check(KernelCase kernel, Types types, boolean inSlices) {
        double[][] before = kernel.values();
        double[][] actual = kernel.run(engine, types, before, inSlices);
        DType exact = oracle.dtype();
        double[][] expected = kernel.run(oracle, new Types(exact, exact, exact), before.clone(), false);
        double[][] allowed = kernel.allowance().of(kernel, oracle, types, engine.dtype(), before, expected);
        for (int i = 0; i < actual.length; i++) {
            Role role = kernel.operands().get(i).role();
            if (!role.written) {
                continue;
            }
            DType type = types.of(role, engine.dtype());
            for (int j = 0; j < actual[i].length; j++) {
                double bound = type == engine.dtype()
                        ? allowed[i][j]
                        : allowed[i][j] + Precision.unit(type) * Math.abs(expected[i][j]) + Precision.tiny(type);
                if (!(Math.abs(actual[i][j] - expected[i][j]) <= bound)) {
                    fail(
                            "%s, %s%s: element %d of operand %d (%s) is %s, expected %s within %s",
                            kernel,
                            types,
                            inSlices ? " in slices" : "",
                            j,
                            i,
                            type,
                            actual[i][j],
                            expected[i][j],
                            bound);
                }
            }
        }
    }

    // ---- conversion ----

    /**
     * Each number of a narrow type, and between two of them the middle and its neighbours, to the last bit. What is too small for
     * all digits may also become 0.
     */
    @Test
    void conversionsRoundToNearestAndTiesToEven() {
        for (DType t : narrow()) {
            if (t == DType.FLOAT32) {
                continue; // float arrays hold no number between two floats
            }
            float[] all = numbers(t);
            float[] expected = new float[all.length];
            float[] copied = new float[all.length];
            float[] written = new float[all.length];
            convert(oracle, all, t, expected, new float[all.length]);
            convert(engine, all, t, copied, written);
            double smallest = t == DType.FLOAT16 ? 0x1p-14 : 0x1p-126;
            for (int i = 0; i < all.length; i++) {
                checkBits(t + " copied from", all[i], copied[i], expected[i], smallest);
                checkBits(t + " written from", all[i], written[i], expected[i], smallest);
            }
        }
    }

    private static void checkBits(String what, float from, float actual, float expected, double smallest) {
        boolean flushed = actual == 0 && Math.abs(from) < smallest;
        if (Float.floatToIntBits(actual) != Float.floatToIntBits(expected) && !flushed) {
            fail("%s %s (%s): %s, expected %s", what, from, Float.toHexString(from), actual, expected);
        }
    }

    private static void convert(TensorEngine e, float[] values, DType t, float[] copied, float[] written) {
        try (Storage wide = e.allocate(values.length, e.dtype());
                Storage narrow = e.allocate(values.length, t);
                Storage back = e.allocate(values.length, e.dtype())) {
            e.write(values, 0, values.length, wide);
            e.copy(wide, narrow);
            e.copy(narrow, back);
            e.read(back, copied, 0, copied.length);
            e.write(values, 0, values.length, narrow);
            e.read(narrow, written, 0, written.length);
        }
    }

    /** Positive and negative; infinity and NaN among them. */
    private static float[] numbers(DType t) {
        List<Float> numbers = new ArrayList<>(List.of(Float.NaN, Float.NEGATIVE_INFINITY, Float.MAX_VALUE));
        int bits = t == DType.FLOAT16 ? 10 : 7;
        int exponents = t == DType.FLOAT16 ? 5 : 8;
        float before = 0;
        for (int i = 0; i < 1 << bits + exponents; i++) {
            int exponent = Math.max(1, i >> bits) - (1 << exponents - 1) + 1;
            int fraction = (i & (1 << bits) - 1) + (i >> bits > 0 ? 1 << bits : 0);
            float x = i >> bits == (1 << exponents) - 1 // the first beyond the largest
                    ? Float.POSITIVE_INFINITY
                    : (float) Math.scalb((double) fraction, exponent - bits);
            float middle = (float) (((double) before + x) / 2);
            for (float v : new float[] {x, middle, Math.nextUp(middle), Math.nextDown(middle)}) {
                numbers.add(v);
                numbers.add(-v);
            }
            before = x;
            if (Float.isInfinite(x)) {
                break;
            }
        }
        float[] all = new float[numbers.size()];
        for (int i = 0; i < all.length; i++) {
            all[i] = numbers.get(i);
        }
        return all;
    }

    @Test
    void fillRoundsToo() {
        for (DType t : narrow()) {
            try (Storage s = engine.allocate(3, t);
                    Storage expected = oracle.allocate(3, t)) {
                double[] seen = new double[3];
                double[] right = new double[3];
                engine.fill(s, 1 / 3.0);
                oracle.fill(expected, 1 / 3.0);
                engine.read(s, seen, 0, 3);
                oracle.read(expected, right, 0, 3);
                assertThat(seen).as("%s", t).containsExactly(right);
            }
        }
    }

    @Test
    void sumsOfSquaresOfNarrowNumbersAreTakenInFloat64() {
        for (DType t : narrow()) {
            try (Tensor x = Tensor.zeros(engine, Shape.of(100_000), t)) {
                engine.fill(x.storage(), 0.1);
                double tenth = x.slice(0, 0, 1).item();
                double sum = 100_000 * tenth * tenth;
                assertThat(Math.abs(engine.sumOfSquares(x.storage()) - sum)).isLessThan(1e-9 * sum);
            }
        }
    }

    // ---- tensors ----

    @Test
    void aTypeThatTheEngineLacksIsRefused() {
        for (DType t : EnumSet.complementOf(EnumSet.copyOf(engine.dtypes()))) {
            assertThatIllegalArgumentException().isThrownBy(() -> engine.allocate(1, t));
            Scopes.run(engine, () -> {
                Tensor x = Tensor.of(engine, Shape.of(1), 1.0);
                assertThatIllegalArgumentException().isThrownBy(() -> x.to(t));
            });
        }
        assertThat(engine.dtypes()).contains(engine.dtype());
        assertThat(engine.dtypes().stream().reduce(DType::wider)).contains(engine.dtype());
    }

    @Test
    void mixedTypesGiveTheTypeOfTheRule() {
        for (DType t : narrow()) {
            Scopes.run(engine, () -> {
                Tensor wide = Tensor.of(engine, Shape.of(2, 2), 1.0, 2, 3, 4);
                Tensor narrow = wide.to(t);
                assertThat(wide.to(engine.dtype())).isSameAs(wide);
                assertThat(narrow.dtype()).isEqualTo(t);
                assertThat(narrow.add(wide).dtype()).as("element-wise").isEqualTo(engine.dtype());
                assertThat(narrow.add(narrow).dtype()).as("element-wise").isEqualTo(t);
                for (Tensor[] pair : new Tensor[][] {{narrow, wide}, {wide, narrow}, {narrow, narrow}}) {
                    assertThat(pair[0].matmul(pair[1]).dtype()).as("matmul").isEqualTo(t);
                    assertThat(pair[0].linear(pair[1], null).dtype())
                            .as("linear")
                            .isEqualTo(t);
                    assertThat(pair[0].attention(pair[1], pair[1], ATTENTION).dtype())
                            .as("attention")
                            .isEqualTo(t);
                }
                assertThat(wide.addMatmul(narrow, narrow, false, 1).dtype()).isEqualTo(engine.dtype());
                assertThat(narrow.softmax().dtype()).as("by row").isEqualTo(t);
                assertThat(narrow.sum().dtype()).as("sum").isEqualTo(t);
                assertThat(narrow.crossEntropy(0, 1).dtype()).as("loss").isEqualTo(engine.dtype());
                assertThat(narrow.linearCrossEntropy(wide, 0, 1).dtype())
                        .as("loss")
                        .isEqualTo(engine.dtype());
            });
        }
    }
}
