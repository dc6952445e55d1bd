package org.attune.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.attune.tensor.io.BlockType;
import org.attune.tensor.io.NormalFloat;
import org.attune.tensor.io.Quantiser;
import org.attune.tensor.io.TensorFile;
import org.attune.testkit.Golden;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Against bitsandbytes, to the bit. */
class QuantiserTest {
    private static final int GROUP = BlockType.NF4.group();

    @Test
    void theCodesStandForTheNumbersOfBitsandbytes() {
        try (TensorFile file = TensorFile.open(Golden.path("quant/nf4.safetensors"))) {
            float[] code = file.floats("nf4_code");
            float[] dynamic = file.floats("dynamic_code");
            assertThat(code).hasSize(16);
            assertThat(dynamic).hasSize(256);
            for (int i = 0; i < code.length; i++) {
                assertThat(NormalFloat.value(i)).isEqualTo(code[i]);
            }
            for (int i = 0; i < dynamic.length; i++) {
                assertThat(NormalFloat.absmax((byte) i, 1, 0)).as("code %d", i).isEqualTo(dynamic[i]);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "one_block",
                "two_blocks",
                "short_last_block",
                "odd_count",
                "rows_of_96",
                "matrix",
                "zero_block",
                "zero_tail",
                "huge_value",
                "many_blocks",
                "codes",
                "midpoints"
            })
    void normalFloatsAreThoseOfBitsandbytes(String name) {
        try (TensorFile file = TensorFile.open(Golden.path("quant/nf4.safetensors"))) {
            float[] x = file.floats(name + ".x");
            float[] absmax = file.floats(name + ".absmax");
            int[] packed = file.ints(name + ".packed");
            int columns = file.shape(name + ".x").dim(1);

            ByteBuffer single = Quantiser.quantise(BlockType.NF4, x, columns);
            assertThat(single.remaining()).isEqualTo(absmax.length * BlockType.NF4.bytes());
            for (int i = 0; i < absmax.length; i++) {
                assertThat(single.getFloat(BlockType.NF4.bytes() * i)).isEqualTo(absmax[i]);
            }
            assertPacked(BlockType.NF4, single, packed);
            assertThat(decoded(BlockType.NF4, single, x.length)).containsExactly(file.floats(name + ".dequant"));

            float[] scales = file.floats(name + ".dq.absmax2");
            int[] codes = file.ints(name + ".dq.absmax_code");
            BlockType twice = BlockType.NF4_DOUBLE;
            ByteBuffer blocks = Quantiser.quantise(twice, x, columns);
            assertThat(blocks.remaining()).isEqualTo(scales.length * twice.bytes());
            for (int i = 0; i < scales.length; i++) {
                assertThat(blocks.getFloat(twice.bytes() * i)).isEqualTo(file.floats(name + ".dq.offset")[0]);
                assertThat(blocks.getFloat(twice.bytes() * i + 4)).isEqualTo(scales[i]);
            }
            for (int i = 0; i < codes.length; i++) {
                if (scales[i / 256] != 0) { // else any code gives the same
                    assertThat(blocks.get(twice.bytes() * (i / 256) + 8 + i % 256) & 0xff)
                            .isEqualTo(codes[i]);
                }
            }
            assertPacked(twice, blocks, packed);
            assertThat(decoded(twice, blocks, x.length)).containsExactly(file.floats(name + ".dq.dequant"));
        }
    }

    private static void assertPacked(BlockType type, ByteBuffer blocks, int[] packed) {
        int each = type.integerBytes(type.elements());
        for (int i = 0; i < packed.length; i++) {
            assertThat(blocks.get(i / each * type.bytes() + type.headerBytes() + i % each) & 0xff)
                    .as("byte %d", i)
                    .isEqualTo(packed[i]);
        }
    }

    /** Rows are filled up with zeros to whole blocks, which changes no absmax. */
    @ParameterizedTest
    @ValueSource(strings = {"matrix", "wide_range", "halves"})
    void bytesAreThoseOfBitsandbytes(String name) {
        try (TensorFile file = TensorFile.open(Golden.path("quant/int8.safetensors"))) {
            int rows = file.shape(name + ".x").dim(0);
            int columns = file.shape(name + ".x").dim(1);
            BlockType type = BlockType.INT8;
            float[] x = new float[rows * type.elements()];
            for (int row = 0; row < rows; row++) {
                System.arraycopy(file.floats(name + ".x"), row * columns, x, row * type.elements(), columns);
            }
            ByteBuffer blocks = Quantiser.quantise(type, x, type.elements());
            float[] decoded = decoded(type, blocks, x.length);
            for (int row = 0; row < rows; row++) {
                assertThat(blocks.getFloat(row * type.bytes())).isEqualTo(file.floats(name + ".absmax")[row]);
                for (int i = 0; i < columns; i++) {
                    assertThat(decoded[row * type.elements() + i])
                            .isEqualTo(file.floats(name + ".dequant")[row * columns + i]);
                }
            }
        }
    }

    @Test
    void aRowOfSeveralBlocksHasOneAbsmaxAndAnEmptyOneStaysEmpty() {
        float[] x = new float[4 * GROUP];
        x[3] = 127;
        x[GROUP + 5] = -2.5f;
        ByteBuffer blocks = Quantiser.quantise(BlockType.INT8, x, 2 * GROUP);
        float[] decoded = decoded(BlockType.INT8, blocks, x.length);
        assertThat(blocks.getFloat(BlockType.INT8.bytes())).isEqualTo(127);
        assertThat(decoded[GROUP + 5]).isEqualTo(-2 * 127 * BlockType.INT8_STEP);
        assertThat(Arrays.copyOfRange(decoded, 2 * GROUP, 4 * GROUP)).containsOnly(0);
    }

    @Test
    void whatCannotBeQuantisedIsRefused() {
        assertThatThrownBy(() -> Quantiser.quantise(BlockType.INT8, new float[80], 40))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("rows of 40 numbers are not quantised to INT8");
        assertThat(Quantiser.takes(BlockType.Q8_0, 64)).isFalse();
    }

    private static float[] decoded(BlockType type, ByteBuffer blocks, int n) {
        float[] all = new float[(int) type.blocks(n) * type.elements()];
        for (int i = 0; i < type.blocks(n); i++) {
            type.decode(blocks, i * type.bytes(), all, i * type.elements());
        }
        return Arrays.copyOf(all, n);
    }
}
