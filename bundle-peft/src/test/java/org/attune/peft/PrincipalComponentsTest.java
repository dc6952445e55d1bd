package org.attune.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import java.util.Arrays;
import org.attune.tensor.Rng;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.SingularOps_DDRM;
import org.ejml.dense.row.factory.DecompositionFactory_DDRM;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PrincipalComponentsTest {
    private static final int ROWS = 60;
    private static final int WIDTH = 12;
    /** Of the rows, around their mean. */
    private static final int RANK = 4;

    private final TensorEngine engine = new ReferenceEngine();

    /** Rows that vary in a few directions, by less in each, about a mean that is far away. */
    private static double[] rows() {
        Rng rng = Rng.of(9);
        double[] rows = new double[ROWS * WIDTH];
        for (int i = 0; i < ROWS; i++) {
            for (int j = 0; j < WIDTH; j++) {
                double value = 5 * Math.cos(j);
                for (int k = 0; k < RANK; k++) {
                    value += rng.at("row").gaussian(i * RANK + k)
                            * rng.at("direction").gaussian(k * WIDTH + j)
                            / (1 + 2 * k);
                }
                rows[i * WIDTH + j] = value;
            }
        }
        return rows;
    }

    /** What is kept says all of rows of that rank, so that it does not matter in which batches they come. */
    @ParameterizedTest
    @ValueSource(ints = {60, 30, 20, 12})
    void theyAreThoseOfTheWhole(int batch) {
        double[] rows = rows();
        PrincipalComponents components = new PrincipalComponents(RANK, WIDTH, Rng.of(1));
        assertThat(components.isEmpty()).isTrue();
        for (int from = 0; from < ROWS; from += batch) {
            try (Tensor x = Tensor.of(
                    engine, Shape.of(batch, WIDTH), Arrays.copyOfRange(rows, from * WIDTH, (from + batch) * WIDTH))) {
                components.add(x);
            }
        }
        DMatrixRMaj centered = DMatrixRMaj.wrap(ROWS, WIDTH, rows);
        double square = 0;
        for (int j = 0; j < WIDTH; j++) {
            double mean = 0;
            for (int i = 0; i < ROWS; i++) {
                mean += centered.get(i, j) / ROWS;
            }
            for (int i = 0; i < ROWS; i++) {
                centered.add(i, j, -mean);
                square += centered.get(i, j) * centered.get(i, j);
            }
        }
        var svd = DecompositionFactory_DDRM.svd(ROWS, WIDTH, false, true, true);
        svd.decompose(centered);
        DMatrixRMaj s = svd.getW(null);
        DMatrixRMaj v = svd.getV(null, true);
        SingularOps_DDRM.descendingOrder(null, false, s, v, true);
        for (int k = 0; k < RANK; k++) {
            assertThat(components.singular(k)).isCloseTo(s.get(k, k), offset(1e-9));
            assertThat(components.explained(k)).isCloseTo(s.get(k, k) * s.get(k, k) / square, offset(1e-12));
            double cosine = 0;
            for (int j = 0; j < WIDTH; j++) {
                cosine += components.component(k)[j] * v.get(k, j);
            }
            assertThat(Math.abs(cosine)).as("component %d", k).isCloseTo(1, offset(1e-9));
        }
    }

    @Test
    void theSameRowsAgainChangeNothing() {
        PrincipalComponents components = new PrincipalComponents(RANK, WIDTH, Rng.of(1));
        try (Tensor x = Tensor.of(engine, Shape.of(ROWS, WIDTH), rows())) {
            assertThat(components.add(x)).isEmpty();
            double explained = components.explained(0);
            for (double cosine : components.add(x)) {
                assertThat(cosine).isCloseTo(1, offset(1e-9));
            }
            assertThat(components.explained(0)).isCloseTo(explained, offset(1e-12));
        }
    }
}
