package org.attune.tensor;

import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.attune.tensor.engine.Storage;

/** Walks a tape backwards. Nodes were recorded in order of computation, so the reverse is a topological order. */
final class BackwardPass {
    private final Gradients leaves;
    private final Map<Tensor, Tensor> pending = new IdentityHashMap<>();
    /** How many pending gradients share a storage: one may be passed on to several inputs, or through a reshape. */
    private final Map<Storage, Integer> uses = new IdentityHashMap<>();

    BackwardPass(Gradients leaves) {
        this.leaves = leaves;
    }

    void run(List<Node> tape, Tensor loss, Tensor seed) {
        if (loss.isLeaf()) {
            leaves.add(loss, seed);
            return;
        }
        use(seed);
        pending.put(loss, seed);
        for (int i = tape.size() - 1; i >= 0; i--) {
            Node node = tape.set(i, null);
            Tensor dy = pending.remove(node.output());
            if (dy != null) {
                node.backward().apply(dy, new Sink(node));
                drop(dy);
            }
            // Whatever saved this output was recorded later, hence is done. A view's memory belongs to its base.
            if (node.output() != loss) {
                node.output().release();
            }
        }
    }

    private void use(Tensor gradient) {
        uses.merge(gradient.storage(), 1, Integer::sum);
    }

    private void drop(Tensor gradient) {
        if (uses.merge(gradient.storage(), -1, Integer::sum) == 0) {
            uses.remove(gradient.storage());
            gradient.storage().close();
        }
    }

    private final class Sink implements Backward.InputGradients {
        private final Node node;

        Sink(Node node) {
            this.node = node;
        }

        @Override
        public boolean needed(int i) {
            return node.inputs()[i].requiresGradient();
        }

        @Override
        public void add(int i, Tensor gradient) {
            Tensor input = node.inputs()[i];
            if (!input.requiresGradient()) {
                return;
            }
            if (!gradient.shape().equals(input.shape())) {
                throw new IllegalStateException(
                        "a gradient of shape " + gradient.shape() + " for an input of shape " + input.shape());
            }
            use(gradient);
            if (input.isLeaf()) {
                leaves.add(input, gradient);
                drop(gradient);
                return;
            }
            Tensor sum = pending.get(input);
            if (sum == null) {
                pending.put(input, gradient);
                return;
            }
            Tensor total = sum.add(gradient); // not in place: the sum may be pending elsewhere too
            use(total);
            drop(sum);
            drop(gradient);
            pending.put(input, total);
        }
    }
}
