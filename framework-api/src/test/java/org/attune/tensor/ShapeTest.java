package org.attune.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class ShapeTest {
    @Test
    void negativeAxesCountFromTheLast() {
        Shape s = Shape.of(2, 3, 5);
        assertThat(s.dim(-1)).isEqualTo(5);
        assertThat(s.dim(-3)).isEqualTo(2);
        assertThat(s.axis(-2)).isEqualTo(1);
        assertThat(s.with(-1, 7)).isEqualTo(Shape.of(2, 3, 7));
        assertThatIllegalArgumentException().isThrownBy(() -> s.dim(3)).withMessage("axis 3 of shape [2, 3, 5]");
        assertThatIllegalArgumentException().isThrownBy(() -> s.dim(-4)).withMessage("axis -4 of shape [2, 3, 5]");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Shape.SCALAR.dim(-1))
                .withMessage("axis -1 of shape []");
    }

    @Test
    void sizesMultiply() {
        assertThat(Shape.SCALAR.size()).isEqualTo(1);
        assertThat(Shape.SCALAR.rank()).isZero();
        assertThat(Shape.of(3, 0, 4).size()).isZero();
        assertThat(Shape.of(65536, 65536).size()).isEqualTo(1L << 32);
        assertThat(Shape.of(2, 3, 5).product(1, 3)).isEqualTo(15);
        assertThat(Shape.of(2, 3, 5).product(1, 1)).isEqualTo(1);
        assertThatThrownBy(() -> Shape.of(65536, 65536).product(0, 2)).isInstanceOf(ArithmeticException.class);
    }

    @Test
    void extentsAreNotNegative() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Shape.of(2, -1))
                .withMessage("negative extent in shape [2, -1]");
        assertThatIllegalArgumentException().isThrownBy(() -> Shape.of(2).with(0, -1));
    }

    @Test
    void shapesAreValues() {
        int[] dims = {2, 3};
        Shape s = Shape.of(dims);
        dims[0] = 9;
        s.dims()[1] = 9;
        assertThat(s)
                .isEqualTo(Shape.of(2, 3))
                .hasSameHashCodeAs(Shape.of(2, 3))
                .hasToString("[2, 3]");
        assertThat(s).isNotEqualTo(Shape.of(3, 2)).isNotEqualTo(Shape.of(2, 3, 1));
    }

    @Test
    void shapesBroadcastAsInNumPy() {
        assertThat(Elementwise.broadcast(Shape.of(2, 1, 4), Shape.of(3, 1))).isEqualTo(Shape.of(2, 3, 4));
        assertThat(Elementwise.broadcast(Shape.SCALAR, Shape.of(2))).isEqualTo(Shape.of(2));
        assertThat(Elementwise.broadcast(Shape.of(0, 3), Shape.of(1, 1))).isEqualTo(Shape.of(0, 3));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Elementwise.broadcast(Shape.of(2, 3), Shape.of(2)))
                .withMessage("shapes [2, 3] and [2] do not broadcast");
    }
}
