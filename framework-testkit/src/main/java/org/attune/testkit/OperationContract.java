package org.attune.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import org.attune.tensor.DType;
import org.attune.tensor.Scope;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.testkit.OperationCase.Outcome;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** See {@link EngineContract.Operations}. */
abstract class OperationContract {
    private static final String CASES = "org.attune.testkit.OperationCases#all";
    private static final double STEP = 1e-5;

    private final TensorEngine engine;
    private final TensorEngine oracle;
    private final Closeness close;

    OperationContract(TensorEngine engine, TensorEngine oracle) {
        this.engine = engine;
        this.oracle = oracle;
        this.close = Closeness.of(engine.dtype());
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("org.attune.testkit.OperationCases#small")
    void gradientsEqualCentralDifferences(OperationCase operation) {
        assumeTrue(engine.dtype() == DType.FLOAT64, "finite differences need float64");
        List<double[]> values = operation.draw();
        Outcome outcome = operation.run(engine, values);
        for (int input = 0; input < operation.inputs(); input++) {
            double[] x = values.get(input);
            double[] differences = new double[x.length];
            for (int i = 0; i < x.length; i++) {
                double at = x[i];
                x[i] = at + STEP;
                double above = operation.loss(engine, values);
                x[i] = at - STEP;
                double below = operation.loss(engine, values);
                x[i] = at;
                differences[i] = (above - below) / (2 * STEP);
            }
            Closeness.FINITE_DIFFERENCE.check(
                    "gradient of input " + input, outcome.gradients().get(input), differences);
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(CASES)
    void valuesAndGradientsEqualTheOracles(OperationCase operation) {
        List<double[]> values = operation.draw();
        Outcome actual = operation.run(engine, values);
        Outcome expected = operation.run(oracle, values);
        assertThat(actual.shape()).isEqualTo(expected.shape());
        check("result", actual.values(), expected.values());
        for (int input = 0; input < operation.inputs(); input++) {
            check(
                    "gradient of input " + input,
                    actual.gradients().get(input),
                    expected.gradients().get(input));
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(CASES)
    void eachGradientIsTheSameWhenItAloneIsWanted(OperationCase operation) {
        List<double[]> values = operation.draw();
        Outcome all = operation.run(engine, values);
        for (int input = 0; input < operation.inputs(); input++) {
            List<Boolean> trainable = new ArrayList<>(Collections.nCopies(operation.inputs(), false));
            trainable.set(input, true);
            Outcome alone = operation.run(engine, values, trainable);
            check("result", alone.values(), all.values());
            check(
                    "gradient of input " + input,
                    alone.gradients().get(input),
                    all.gradients().get(input));
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(CASES)
    void leavesNoMemoryBehind(OperationCase operation) {
        List<double[]> values = operation.draw();
        long before = engine.stats().liveBytes();
        operation.run(engine, values);
        assertThat(engine.stats().liveBytes()).as("after training").isEqualTo(before);
        operation.loss(engine, values);
        assertThat(engine.stats().liveBytes()).as("after evaluation").isEqualTo(before);
        List<Tensor> inputs = operation.upload(engine, values);
        long uploaded = engine.stats().liveBytes();
        operation.apply(inputs).close();
        assertThat(engine.stats().liveBytes()).as("without a scope").isEqualTo(uploaded);
        inputs.forEach(Tensor::close);
        assertThat(engine.stats().liveBytes()).as("in the end").isEqualTo(before);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(CASES)
    void leavesItsInputsAlone(OperationCase operation) {
        List<double[]> values = operation.draw();
        List<Tensor> inputs = operation.upload(engine, values);
        Scopes.run(engine, () -> operation.apply(inputs));
        for (int i = 0; i < inputs.size(); i++) {
            assertThat(inputs.get(i).toDoubles()).containsExactly(values.get(i));
        }
        inputs.forEach(Tensor::close);
    }

    private void check(String what, double[] actual, double[] expected) {
        close.ofSums(expected).check(what, actual, expected);
    }

    // ---- frames and checkpoints ----

    /**
     * The operation's inputs and its result are made in the frame and read there by nothing else: what its gradient reads, the
     * operation itself must have saved.
     */
    @ParameterizedTest(name = "{0}")
    @MethodSource(CASES)
    void insideAFrameGradientsAreTheSame(OperationCase operation) {
        Function<List<Tensor>, Tensor> stretch =
                in -> operation.apply(copies(in)).add(0);
        List<double[]> values = operation.draw();
        Outcome plain = OperationCase.run(engine, trainable(operation, values), stretch);
        Outcome framed =
                OperationCase.run(engine, trainable(operation, values), in -> Scope.frame(() -> stretch.apply(in)));
        assertSameBits(framed, plain);
        List<Tensor> inputs = operation.upload(engine, values);
        Scopes.run(engine, () -> {
            long before = engine.stats().liveBytes();
            Tensor result = operation.apply(inputs);
            long one = engine.stats().liveBytes() - before;
            result.close();
            Scope.frame(() -> stretch.apply(inputs));
            assertThat(engine.stats().liveBytes() - before)
                    .as("live without gradient, after the frame and after its result alone")
                    .isLessThanOrEqualTo(Math.max(one, bytes(result)));
        });
        inputs.forEach(Tensor::close);
    }

    /** All inputs but the first are parameters inside the body. */
    @ParameterizedTest(name = "{0}")
    @MethodSource(CASES)
    void aCheckpointGivesTheSameBits(OperationCase operation) {
        List<double[]> values = operation.draw();
        Outcome plain = OperationCase.run(
                engine,
                trainable(operation, values),
                in -> operation.apply(with(in.get(0).add(0), in)));
        Outcome checkpointed = OperationCase.run(
                engine,
                trainable(operation, values),
                in -> in.get(0).add(0).checkpoint(x -> operation.apply(with(x, in))));
        assertSameBits(checkpointed, plain);
    }

    private List<Tensor> trainable(OperationCase operation, List<double[]> values) {
        return operation.upload(engine, values).stream().map(Tensor::trainable).toList();
    }

    private static List<Tensor> copies(List<Tensor> inputs) {
        return inputs.stream().map(t -> t.add(0)).toList();
    }

    private static List<Tensor> with(Tensor first, List<Tensor> inputs) {
        List<Tensor> all = new ArrayList<>(inputs);
        all.set(0, first);
        return all;
    }

    /** What a result may take, rounded up as an engine may. */
    private static long bytes(Tensor t) {
        return 2L * t.dtype().bytes() * Math.max(64, t.shape().size());
    }

    private static void assertSameBits(Outcome actual, Outcome expected) {
        assertThat(actual.values()).as("result").containsExactly(expected.values());
        for (int i = 0; i < expected.gradients().size(); i++) {
            assertThat(actual.gradients().get(i))
                    .as("gradient of input %d", i)
                    .containsExactly(expected.gradients().get(i));
        }
    }

    // ---- other types ----

    private List<DType> narrow() {
        return engine.dtypes().stream().filter(t -> t != engine.dtype()).toList();
    }

    /** All inputs narrow; and a narrow first input, the activations, with parameters of the engine's type. */
    @ParameterizedTest(name = "{0}")
    @MethodSource(CASES)
    void narrowInputsGiveWhatTheirTypeCanTell(OperationCase operation) {
        for (DType narrow : narrow()) {
            List<DType> all = Collections.nCopies(operation.inputs(), narrow);
            check(operation, narrow, all);
            if (operation.inputs() > 1) {
                List<DType> mixed = new ArrayList<>(Collections.nCopies(operation.inputs(), engine.dtype()));
                mixed.set(0, narrow);
                check(operation, narrow, mixed);
            }
        }
    }

    private void check(OperationCase operation, DType narrow, List<DType> types) {
        List<Tensor> inputs = operation.upload(engine, operation.draw(), types);
        List<double[]> rounded = inputs.stream().map(Tensor::toDoubles).toList();
        Outcome expected = operation.run(oracle, rounded);
        DType[] arrived = new DType[types.size()];
        List<Tensor> trainable = inputs.stream().map(Tensor::trainable).toList();
        Outcome actual = OperationCase.run(engine, trainable, in -> {
            List<Tensor> watched = new ArrayList<>();
            for (int i = 0; i < in.size(); i++) {
                int input = i;
                watched.add(Tensor.custom(List.of(in.get(i)), t -> t.get(0), (dy, sink) -> {
                    arrived[input] = dy.dtype();
                    sink.add(0, dy);
                }));
            }
            return operation.apply(watched);
        });
        assertThat(actual.shape()).isEqualTo(expected.shape());
        Precision.check("result of " + types, narrow, actual.values(), expected.values());
        for (int i = 0; i < types.size(); i++) {
            Precision.check(
                    "gradient of input " + i + " of " + types,
                    narrow,
                    actual.gradients().get(i),
                    expected.gradients().get(i));
            assertThat(arrived[i]).as("type of the gradient of input %d", i).isEqualTo(types.get(i));
        }
    }
}
