package org.attune.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.attune.tensor.DType;
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
    @MethodSource(CASES)
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
        close.check("result", actual.values(), expected.values());
        for (int input = 0; input < operation.inputs(); input++) {
            close.check(
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
            close.check("result", alone.values(), all.values());
            close.check(
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
}
