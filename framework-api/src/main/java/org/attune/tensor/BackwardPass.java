package org.attune.tensor;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import org.attune.tensor.engine.Storage;

/** Walks a tape backwards. Nodes were recorded in order of computation, so the reverse is a topological order. */
final class BackwardPass {
    private final Leaves leaves;
    private final Tensor x;
    private final Tensor dx;
    private final IdentityHashMap<Tensor, Tensor> pending = new IdentityHashMap<>();
    /** How many pending gradients share a storage: one may be passed on to several inputs, or through a reshape. */
    private final IdentityHashMap<Storage, Integer> uses;

    BackwardPass(Leaves leaves) {
        this.leaves = leaves;
        this.uses = new IdentityHashMap<>();
        this.x = null;
        this.dx = null;
    }

    /**
     * A pass within another over what a checkpoint computes again, which does to the bit what the other would have done.
     *
     * @param x its input
     * @param dx takes the gradient of {@code x}; null where that is not wanted
     */
    BackwardPass(BackwardPass outer, Tensor x, Tensor dx) {
        this.leaves = outer.leaves;
        this.uses = outer.uses;
        this.x = x;
        this.dx = dx;
    }

    /** @param seed the gradient of the loss, which the pass has one use of and gives up */
    void run(List<Node> tape, Tensor loss, Tensor seed) {
        if (!loss.requiresGradient()) {
            drop(seed);
        } else if (loss.isLeaf()) {
            add(loss, seed);
            drop(seed);
        } else {
            pending.put(loss, seed);
            if (loss != x) {
                walk(tape, loss);
            }
        }
        if (dx != null) {
            deliver(pending.remove(x));
        }
        if (!pending.isEmpty()) {
            throw new IllegalStateException(
                    "the loss depends on the result of another scope's operation, whose gradient"
                            + " would be lost: detach it, or open no scope in between");
        }
    }

    private void deliver(Tensor gradient) {
        if (gradient == null) {
            dx.engine().fill(dx.storage(), 0);
        } else {
            dx.engine().copy(gradient.storage(), dx.storage());
            drop(gradient);
        }
    }

    private void walk(List<Node> tape, Tensor loss) {
        if (tape.stream().noneMatch(node -> node.output() == loss)) {
            throw new IllegalStateException("the loss is not on this scope's tape: it was made in another scope, or an"
                    + " earlier backward has emptied the tape");
        }
        for (int i = tape.size() - 1; i >= 0; i--) {
            Node node = tape.set(i, null);
            Tensor dy = pending.remove(node.output());
            if (dy != null) {
                Sink sink = new Sink(node, dy);
                if (node.backward() instanceof Checkpoint checkpoint) {
                    checkpoint.apply(dy, sink, this);
                    sink.taken.forEach(this::drop);
                } else {
                    node.backward().apply(dy, sink);
                    sink.taken.forEach(this::drop);
                    drop(dy);
                }
            }
            for (Tensor kept : node.kept()) {
                kept.close();
            }
            // Whatever saved this output was recorded later, hence is done. A view's memory belongs to its base.
            if (node.output().storage() != loss.storage()) {
                node.output().release();
            }
        }
    }

    /** A leaf without a sum is one that nobody asked about, for example a copy under study. */
    private void add(Tensor leaf, Tensor gradient) {
        Tensor sum = leaves.find(leaf);
        if (sum != null) {
            leaf.engine().accumulate(1, gradient.storage(), sum.storage());
        }
    }

    void use(Tensor gradient) {
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
        private final Tensor dy;
        /** Held until the node is done, for it may pass one gradient on to several inputs. */
        private final List<Tensor> taken = new ArrayList<>();

        Sink(Node node, Tensor dy) {
            this.node = node;
            this.dy = dy;
        }

        @Override
        public boolean needed(int i) {
            return node.inputs()[i].requiresGradient();
        }

        @Override
        public Tensor accumulator(int i) {
            Tensor input = node.inputs()[i];
            if (!input.requiresGradient()) {
                return null;
            }
            if (input.isLeaf()) {
                return leaves.find(input);
            }
            Tensor sum = pending.get(input);
            return sum != null && uses.get(sum.storage()) == 1 ? sum : null;
        }

        @Override
        public boolean expendable() {
            return uses.get(dy.storage()) == 1;
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
            taken.add(gradient);
            if (input.isLeaf()) {
                BackwardPass.this.add(input, gradient);
                return;
            }
            Tensor sum = pending.get(input);
            if (sum == null) {
                Tensor own = gradient.to(input.dtype());
                use(own);
                pending.put(input, own);
            } else if (uses.get(sum.storage()) == 1) {
                sum.engine().accumulate(1, gradient.storage(), sum.storage());
            } else { // the sum is pending elsewhere too
                Tensor total = sum.add(gradient).to(input.dtype());
                use(total);
                drop(sum);
                pending.put(input, total);
            }
        }
    }
}
