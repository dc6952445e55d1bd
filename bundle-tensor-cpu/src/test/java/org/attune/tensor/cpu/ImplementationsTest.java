package org.attune.tensor.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.attune.tensor.DType;
import org.attune.tensor.cpu.KernelKey.RowOperation;
import org.attune.tensor.cpu.KernelKey.Variant;
import org.attune.tensor.engine.Binary;
import org.attune.tensor.engine.Unary;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** oneDNN falls back to portable code, right and very slow, without a word. */
class ImplementationsTest {
    private static boolean avx512;

    @BeforeAll
    static void onlyWhereThereIsFastCode() throws IOException {
        OneDnnPresence.assume();
        String processor = Files.readString(Path.of("/proc/cpuinfo"));
        assumeTrue(processor.contains("avx2"), "this processor has no AVX2");
        avx512 = processor.contains("avx512f") && System.getenv("ONEDNN_MAX_CPU_ISA") == null;
    }

    /** oneDNN 3.11 compiles the gradients of softmax and log softmax for AVX-512 only. */
    private static boolean isCompiledHere(KernelKey key) {
        boolean softmaxGradient = key.operation() == RowOperation.LOG_SOFTMAX_GRADIENT
                || key.operation() == RowOperation.SOFTMAX && key.variant() == Variant.GRADIENT;
        return avx512 || !softmaxGradient && key.type() == DType.FLOAT32;
    }

    private static Stream<KernelKey> keys(int columns) {
        Stream<KernelKey> functions = Stream.of(Unary.values())
                .flatMap(op -> Stream.of(KernelKey.elements(op), KernelKey.elements(op, Variant.GRADIENT)));
        Stream<KernelKey> operations = Stream.of(Binary.values())
                .flatMap(op -> Stream.of(
                        KernelKey.elements(op),
                        KernelKey.elements(op, Variant.BY_SCALAR),
                        KernelKey.rows(op, columns),
                        KernelKey.rows(op, Variant.BY_COLUMN, columns)));
        Stream<KernelKey> others = Stream.of(
                KernelKey.elements(RowOperation.ADD_SCALED),
                KernelKey.elements(RowOperation.SCALE_AND_SHIFT),
                KernelKey.rows(RowOperation.SOFTMAX, columns),
                KernelKey.rows(RowOperation.SOFTMAX, Variant.GRADIENT, columns),
                KernelKey.rows(RowOperation.LOG_SOFTMAX_GRADIENT, Variant.GRADIENT, columns),
                KernelKey.rows(RowOperation.LAYER_NORM, columns),
                KernelKey.rows(RowOperation.LAYER_NORM, Variant.GRADIENT, columns));
        return Stream.of(functions, operations, others, narrow(columns))
                .flatMap(keys -> keys)
                .filter(ImplementationsTest::isCompiledHere);
    }

    /** What runs over bfloat16. */
    private static Stream<KernelKey> narrow(int columns) {
        DType t = DType.BFLOAT16;
        Stream<KernelKey> functions = Stream.of(Unary.values())
                .filter(op -> op != Unary.LOG)
                .flatMap(op -> Stream.of(KernelKey.elements(op, t), KernelKey.elements(op, Variant.GRADIENT, t)));
        Stream<KernelKey> operations = Stream.of(Binary.values()).map(op -> KernelKey.elements(op, t));
        Stream<KernelKey> others = Stream.of(
                KernelKey.elements(RowOperation.CONVERT, t),
                KernelKey.elements(RowOperation.CONVERT, Variant.GRADIENT, t),
                KernelKey.rows(RowOperation.ATTENTION, Variant.PLAIN, t, columns),
                KernelKey.rows(RowOperation.ATTENTION, Variant.GRADIENT, t, columns),
                KernelKey.rows(RowOperation.LAYER_NORM, Variant.PLAIN, t, columns),
                KernelKey.rows(RowOperation.LAYER_NORM, Variant.GRADIENT, t, columns));
        return Stream.of(functions, operations, others).flatMap(keys -> keys);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 15, 26, 384, 3000})
    void noKernelRunsPortableCode(int n) {
        Workers workers = new Workers();
        try (Worker w = workers.enter()) {
            long x = w.scratch(Worker.Scratch.ROWS, 4L * n + 4);
            Elementwise.fill(w, x, 4L * n + 4, 1);
            assertThat(keys(n)).allSatisfy(key -> {
                Kernel kernel = w.kernel(key);
                kernel.run(key.columns() == 0 ? n : 3, x, x, x, x, x, x);
                assertThat(kernel.primitives().map(Primitive::implementation))
                        .isNotEmpty()
                        .allMatch(name -> name.startsWith("jit"), "runs compiled code");
            });
        }
        workers.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 1999, 2016})
    void blocksAreDecodedByCompiledCode(int n) {
        Workers workers = new Workers();
        try (Worker w = workers.enter()) {
            long x = w.scratch(Worker.Scratch.ROWS, 32L * n);
            long out = w.scratch(Worker.Scratch.TILE, 32L * n);
            assertThat(List.of(32, 16)).allSatisfy(columns -> {
                Kernel kernel = w.kernel(KernelKey.rows(RowOperation.DECODE, columns));
                kernel.run(n, x, x, out);
                assertThat(kernel.primitives().map(Primitive::implementation))
                        .isNotEmpty()
                        .allMatch(name -> name.startsWith("jit"), "runs compiled code");
            });
        }
        workers.close();
    }
}
