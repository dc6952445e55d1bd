package org.attune.testkit;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import org.attune.tensor.DType;
import org.attune.tensor.Gradients;
import org.attune.tensor.Scope;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;

/** One differentiable operation with the shapes and kinds of its inputs. */
final class OperationCase {
    /** What came out: the result, and each input's gradient, null where it was not trainable. */
    record Outcome(Shape shape, DType dtype, double[] values, List<double[]> gradients) {}

    private final String name;
    private final List<Shape> shapes;
    private final List<Values> kinds;
    private final Function<List<Tensor>, Tensor> operation;

    OperationCase(String name, List<Shape> shapes, List<Values> kinds, Function<List<Tensor>, Tensor> operation) {
        this.name = name;
        this.shapes = shapes;
        this.kinds = kinds;
        this.operation = operation;
    }

    int inputs() {
        return shapes.size();
    }

    /** How many numbers go in. */
    long elements() {
        return shapes.stream().mapToLong(Shape::size).sum();
    }

    Tensor apply(List<Tensor> inputs) {
        return operation.apply(inputs);
    }

    /** The inputs' numbers. */
    List<double[]> draw() {
        List<double[]> values = new ArrayList<>();
        for (int i = 0; i < shapes.size(); i++) {
            values.add(kinds.get(i).draw(shapes.get(i), i));
        }
        return values;
    }

    /** Persistent tensors of these numbers; the caller closes them. */
    List<Tensor> upload(TensorEngine engine, List<double[]> values) {
        return upload(engine, values, Collections.nCopies(inputs(), engine.dtype()));
    }

    /** As above, each of its type. */
    List<Tensor> upload(TensorEngine engine, List<double[]> values, List<DType> types) {
        List<Tensor> tensors = new ArrayList<>();
        for (int i = 0; i < shapes.size(); i++) {
            Tensor t = Tensor.zeros(engine, shapes.get(i), types.get(i));
            t.set(values.get(i));
            tensors.add(t);
        }
        return tensors;
    }

    /** Runs forward and backward of {@code sum(weights * operation(inputs))} with respect to all inputs. */
    Outcome run(TensorEngine engine, List<double[]> values) {
        return run(engine, values, Collections.nCopies(inputs(), true));
    }

    /** As {@link #run(TensorEngine, List)}, with only some of the inputs trainable. */
    Outcome run(TensorEngine engine, List<double[]> values, List<Boolean> trainable) {
        List<Tensor> inputs = upload(engine, values);
        for (int i = 0; i < inputs.size(); i++) {
            if (trainable.get(i)) {
                inputs.set(i, inputs.get(i).trainable());
            }
        }
        return run(engine, inputs, operation);
    }

    /** As above, from tensors that it closes, of which those that are trainable get gradients; {@code how} is in place of the operation. */
    static Outcome run(TensorEngine engine, List<Tensor> inputs, Function<List<Tensor>, Tensor> how) {
        List<Tensor> wanted = inputs.stream().filter(Tensor::requiresGradient).toList();
        try (Gradients gradients = new Gradients(wanted);
                Scope scope = Scope.open(engine)) {
            Tensor out = how.apply(inputs);
            Outcome outcome = new Outcome(out.shape(), out.dtype(), out.toDoubles(), new ArrayList<>());
            scope.backward(weighted(out).sum(), gradients);
            for (Tensor t : inputs) {
                outcome.gradients.add(t.requiresGradient() ? gradients.of(t).toDoubles() : null);
            }
            return outcome;
        } finally {
            inputs.forEach(Tensor::close);
        }
    }

    /** The weighted sum of the operation's result. */
    double loss(TensorEngine engine, List<double[]> values) {
        List<Tensor> inputs = upload(engine, values);
        double loss = Scopes.within(
                engine, () -> weighted(operation.apply(inputs)).sum().item());
        inputs.forEach(Tensor::close);
        return loss;
    }

    /** Weights that differ, so that an exchange of two elements shows. */
    private static Tensor weighted(Tensor out) {
        return out.mul(Tensor.of(out.engine(), out.shape(), Values.ANY.draw(out.shape(), 99)));
    }

    @Override
    public String toString() {
        return name + shapes;
    }
}
