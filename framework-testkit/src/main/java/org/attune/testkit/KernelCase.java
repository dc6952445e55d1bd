package org.attune.testkit;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.attune.tensor.DType;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.TensorEngine;

/**
 * One call of a kernel over operands whose types may vary.
 *
 * @param call runs the kernel over the storages of {@code operands}, in their order
 */
record KernelCase(String name, Allowance allowance, List<Operand> operands, Call call) {
    /** What an operand is for, which decides its type. */
    enum Role {
        ACTIVATION(true, false),
        /** Read; of another type than the activations in some of the calls. */
        PARAMETER(true, false),
        /** Read; always of the engine's type. */
        STATISTIC(true, false),
        OUTPUT(false, true),
        /** Written; always of the engine's type. */
        STATISTIC_OUTPUT(false, true),
        /** Read and changed. */
        UPDATED(true, true),
        /** Written for a later call of the same engine, in a form of its own; as narrow as the narrowest that is read. */
        KEPT(false, false);

        final boolean read;
        final boolean written;

        Role(boolean read, boolean written) {
            this.read = read;
            this.written = written;
        }
    }

    /** @param values what the storage holds before the call */
    record Operand(Role role, double[] values) {}

    interface Call {
        void run(TensorEngine engine, Storage[] operands);
    }

    /** The types of the roles in one call. */
    record Types(DType activation, DType parameter, DType output) {
        DType of(Role role, DType own) {
            return switch (role) {
                case ACTIVATION -> activation;
                case PARAMETER -> parameter;
                case STATISTIC, STATISTIC_OUTPUT -> own;
                case OUTPUT, UPDATED -> output;
                case KEPT -> DType.narrower(activation, parameter);
            };
        }
    }

    boolean has(Role role) {
        return operands.stream().anyMatch(o -> o.role == role);
    }

    /** The widest and the narrowest type that a call reads. */
    DType widestRead(Types types, DType own) {
        return Collections.min(read(types, own));
    }

    DType narrowestRead(Types types, DType own) {
        return Collections.max(read(types, own));
    }

    private List<DType> read(Types types, DType own) {
        return operands.stream()
                .filter(o -> o.role.read)
                .map(o -> types.of(o.role, own))
                .toList();
    }

    /** The operands after a call on {@code before}, which are changed to what their types can hold. */
    double[][] run(TensorEngine engine, Types types, double[][] before, boolean inSlices) {
        Storage[] whole = new Storage[operands.size()];
        Storage[] used = new Storage[whole.length];
        try {
            for (int i = 0; i < whole.length; i++) {
                int n = before[i].length;
                int margin = inSlices ? 3 : 0;
                whole[i] = engine.allocate(n + 2L * margin, types.of(operands.get(i).role, engine.dtype()));
                engine.fill(whole[i], MARGIN);
                used[i] = inSlices ? whole[i].slice(margin, n) : whole[i];
                engine.write(before[i], 0, n, used[i]);
                engine.read(used[i], before[i], 0, n);
            }
            call.run(engine, used);
            double[][] after = new double[whole.length][];
            for (int i = 0; i < whole.length; i++) {
                after[i] = new double[before[i].length];
                engine.read(used[i], after[i], 0, after[i].length);
                if (inSlices) {
                    checkMargins(engine, whole[i]);
                }
            }
            return after;
        } finally {
            Arrays.stream(whole).filter(s -> s != null).forEach(Storage::close);
        }
    }

    private static final double MARGIN = 77;

    private static void checkMargins(TensorEngine engine, Storage whole) {
        double[] all = new double[(int) whole.size()];
        engine.read(whole, all, 0, all.length);
        for (int i : new int[] {0, 1, 2, all.length - 3, all.length - 2, all.length - 1}) {
            if (all[i] != MARGIN) {
                throw new AssertionError("element " + (i - 3) + " beside a slice was overwritten with " + all[i]);
            }
        }
    }

    double[][] values() {
        return operands.stream().map(o -> o.values.clone()).toArray(double[][]::new);
    }

    @Override
    public String toString() {
        return name;
    }
}
