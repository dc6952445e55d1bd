package org.attune.peft.prompt;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.attune.peft.bottleneck.Claim;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Initializer;

/**
 * A bidirectional LSTM (Hochreiter and Schmidhuber 1997) over one sequence, with PyTorch's names, gates (input, forget, cell, output)
 * and first values, uniform on ±1/sqrt(hidden). Each layer reads both directions of the one below.
 *
 * @param layers forwards and backwards
 */
record Lstm(List<Both> layers) {
    private static final int GATES = 4;

    /** The two directions of a layer. */
    record Both(Cell forwards, Cell backwards) {}

    static Lstm of(String path, int in, int hidden, int layers, Claim claim) {
        List<Both> made = new ArrayList<>();
        for (int l = 0; l < layers; l++) {
            int width = l == 0 ? in : 2 * hidden;
            made.add(new Both(
                    Cell.of(path, "_l" + l, width, hidden, claim),
                    Cell.of(path, "_l" + l + "_reverse", width, hidden, claim)));
        }
        return new Lstm(made);
    }

    /**
     * @param x [steps, in]
     * @return [steps, 2 * hidden]
     */
    Tensor apply(Tensor x) {
        Tensor y = x;
        for (Both layer : layers) {
            y = Tensor.concat(1, List.of(layer.forwards.run(y, false), layer.backwards.run(y, true)));
        }
        return y;
    }

    /**
     * One direction.
     *
     * @param inputs and {@code states} weights [4 * hidden, width] and biases of what comes in and of the state before
     */
    record Cell(DenseLayer inputs, DenseLayer states, int hidden) {
        static Cell of(String path, String suffix, int in, int hidden, Claim claim) {
            Initializer first = Initializer.uniform(1 / Math.sqrt(hidden));
            Shape bias = Shape.of(GATES * hidden);
            return new Cell(
                    new DenseLayer(
                            claim.of(path + ".weight_ih" + suffix, Shape.of(GATES * hidden, in), first),
                            claim.of(path + ".bias_ih" + suffix, bias, first)),
                    new DenseLayer(
                            claim.of(path + ".weight_hh" + suffix, Shape.of(GATES * hidden, hidden), first),
                            claim.of(path + ".bias_hh" + suffix, bias, first)),
                    hidden);
        }

        /** The states after each step [steps, hidden], from zero on. */
        Tensor run(Tensor x, boolean back) {
            Tensor all = inputs.apply(x);
            int steps = x.shape().dim(0);
            Tensor state = Tensor.zeros(x.engine(), Shape.of(1, hidden));
            Tensor cell = Tensor.zeros(x.engine(), Shape.of(1, hidden));
            List<Tensor> states = new ArrayList<>();
            for (int i = 0; i < steps; i++) {
                int step = back ? steps - 1 - i : i;
                Tensor gates = all.slice(0, step, step + 1).add(this.states.apply(state));
                cell = gate(gates, 1)
                        .sigmoid()
                        .mul(cell)
                        .add(gate(gates, 0).sigmoid().mul(gate(gates, 2).tanh()));
                state = gate(gates, 3).sigmoid().mul(cell.tanh());
                states.add(state);
            }
            if (back) {
                Collections.reverse(states);
            }
            return Tensor.concat(0, states);
        }

        private Tensor gate(Tensor gates, int number) {
            return gates.slice(1, number * hidden, (number + 1) * hidden);
        }
    }
}
