package org.attune.tensor.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.AttentionLayout;
import org.attune.tensor.engine.Storage;
import org.attune.tensor.engine.Unary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The oracle itself, against numbers from mpmath (30 digits) and from the formulas in NumPy. */
class KnownValuesTest {
    private final ReferenceEngine engine = new ReferenceEngine();

    /** At -3, -0.5, 0, 0.25 and 2. */
    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "EXP, 0.049787068367863944, 0.6065306597126334, 1.0, 1.2840254166877414, 7.38905609893065",
        "TANH, -0.9950547536867305, -0.46211715726000974, 0.0, 0.24491866240370913, 0.9640275800758169",
        "SIGMOID, 0.04742587317756678, 0.37754066879814546, 0.5, 0.5621765008857981, 0.8807970779778824",
        "RELU, 0.0, 0.0, 0.0, 0.25, 2.0",
        "ABS, 3.0, 0.5, 0.0, 0.25, 2.0",
        "GELU, -0.0040496940948902835, -0.15426876936299344, 0.0, 0.14967658142073093, 1.9544997361036416",
        "GELU_TANH, -0.003637392081773019, -0.15428599017485609, 0.0, 0.149675350701685, 1.954597694087775",
        "SILU, -0.14227761953270035, -0.18877033439907273, 0.0, 0.14054412522144952, 1.7615941559557649"
    })
    void functions(Unary op, double a, double b, double c, double d, double e) {
        Storage x = engine.allocate(5, engine.dtype());
        Storage y = engine.allocate(5, engine.dtype());
        engine.write(new double[] {-3, -0.5, 0, 0.25, 2}, 0, 5, x);
        engine.unary(op, x, y);
        double[] actual = new double[5];
        engine.read(y, actual, 0, 5);
        assertThat(actual).containsExactly(new double[] {a, b, c, d, e}, within(1e-15));
    }

    @Test
    void rows() {
        Tensor x = tensor(Shape.of(2, 3), 1, 2, 4, 0, -1, 0.5);
        expect(
                x.softmax(),
                0.04201006613406605,
                0.11419519938459449,
                0.8437947344813395,
                0.3314989604240915,
                0.12195165230972886,
                0.5465493872661796);
        expect(
                x.logSoftmax(),
                -3.1698460195562856,
                -2.1698460195562856,
                -0.16984601955628567,
                -1.1041306053367284,
                -2.1041306053367284,
                -0.6041306053367282);
        expect(
                x.layerNorm(tensor(Shape.of(3), 1, 2, -1), tensor(Shape.of(3), 0.5, 0, 1), 1e-5),
                -0.5690415314502977,
                -0.5345207657251491,
                -0.3363019143128718,
                0.7672578057627253,
                -2.6725780576272538,
                -0.06903122305090137);
        expect(x.crossEntropy(1, 2), 2.1698460195562856, 0.6041306053367282);
    }

    @Test
    void products() {
        Tensor a = tensor(Shape.of(2, 3), 1, 2, 3, 4, 5, 6);
        Tensor b = tensor(Shape.of(3, 2), 1, -1, 0, 2, 3, 0.5);
        expect(a.matmul(b), 10, 4.5, 22, 9);
        expect(a.transpose().matmul(b.transpose(), true, true), 10, 4.5, 22, 9);
        expect(a.linear(b.transpose(), tensor(Shape.of(2), 100, 200)), 110, 204.5, 122, 209);
        expect(tensor(Shape.of(2, 2), 1, 1, 1, 1).addMatmul(a, b, false, 2), 21, 10, 45, 19);
    }

    /** Two query heads over one key head; one and two causal queries at the ends of two keys each. */
    @Test
    void attention() {
        Tensor q = tensor(Shape.of(3, 4), 1, 0, 2, -1, 0.5, 1, 0, 1, -1, 2, 1, 1);
        Tensor k = tensor(Shape.of(4, 2), 1, 2, 0, 1, 2, -1, 1, 1);
        Tensor v = tensor(Shape.of(4, 2), 1, 10, 2, 20, 3, 30, 4, 40);
        int[] queries = {0, 1, 3};
        int[] keys = {0, 2, 4};
        expect(
                q.attention(k, v, new AttentionLayout(queries, keys, 2, 1, 2, 0.5, true)),
                1.3775406687981455,
                13.775406687981455,
                1.3775406687981455,
                13.775406687981455,
                3,
                30,
                3,
                30,
                3.9241418199787566,
                39.24141819978757,
                3.622459331201854,
                36.22459331201854);
    }

    private Tensor tensor(Shape shape, double... values) {
        return Tensor.of(engine, shape, values);
    }

    private static void expect(Tensor actual, double... expected) {
        assertThat(actual.toDoubles()).containsExactly(expected, within(1e-13));
    }
}
