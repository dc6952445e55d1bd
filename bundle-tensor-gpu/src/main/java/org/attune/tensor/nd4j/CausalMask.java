package org.attune.tensor.nd4j;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.attune.tensor.DType;
import org.attune.tensor.engine.Storage;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * One square matrix for all causal attention: minus infinity above the diagonal, 0 elsewhere. It doubles when a longer
 * sequence comes; smaller ones stay, because another thread may be reading them. Thread-safe.
 */
final class CausalMask {
    private static final int SMALLEST = 64;

    private final Memory memory;
    private final List<Storage> matrices = new ArrayList<>();
    private int side;

    CausalMask(Memory memory) {
        this.memory = memory;
    }

    /** What to add to scores [heads, queries, keys], the last query being at the last key's position. */
    synchronized INDArray of(int queries, int keys) {
        INDArray matrix = atLeast(keys);
        long[] shape = {1, queries, keys};
        return Views.strided(matrix, (long) (keys - queries) * side, shape, new long[] {1, side, 1});
    }

    /**
     * What to add to scores [heads, queries, keys] where query i does not see the first {@code hidden + i} keys.
     *
     * @param hidden from 1
     */
    synchronized INDArray before(int hidden, int queries, int keys) {
        INDArray matrix = atLeast(Math.max(keys, hidden + queries));
        long[] shape = {1, queries, keys};
        return Views.strided(matrix, hidden, shape, new long[] {1, 1, side}); // above the diagonal, read by columns
    }

    private INDArray atLeast(int rows) {
        if (side < rows) {
            grow(Math.max(SMALLEST, Integer.highestOneBit(rows - 1) * 2));
        }
        return ((Nd4jStorage) matrices.get(matrices.size() - 1)).array((long) side * side);
    }

    private void grow(int newSide) {
        Storage matrix = memory.allocateOwn((long) newSide * newSide, DType.FLOAT32);
        float[] row = new float[newSide];
        Arrays.fill(row, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < newSide; i++) {
            row[i] = 0;
            Call.write(row, 0, newSide, ((Nd4jStorage) matrix.slice((long) i * newSide, newSide)).array(newSide));
        }
        matrices.add(matrix);
        side = newSide;
    }

    synchronized void close() {
        matrices.forEach(Storage::close);
        matrices.clear();
        side = 0;
    }
}
