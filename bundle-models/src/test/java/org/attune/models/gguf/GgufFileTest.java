package org.attune.models.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class GgufFileTest {
    @TempDir
    private Path folder;

    /** Expected: make_types.py beside the file. */
    @ParameterizedTest
    @EnumSource
    void everyTypeIsDecodedToTheLastBit(GgufType type) throws Exception {
        Path path = Path.of(getClass().getResource("/gguf/types.gguf").toURI());
        try (GgufFile file = GgufFile.open(path)) {
            assertThat(file.shape(type.name())).isEqualTo(Shape.of(2, 512));
            assertThat(floats(file, type.name())).containsExactly(floats(file, type.name() + ".expected"));
        }
    }

    @Test
    void aLongTensorComesInBlocks() throws IOException {
        float[] values = new float[100_001];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        Path path = save(new GgufBytes().tensor("x", GgufType.F32, GgufBytes.floats(values), values.length));
        try (GgufFile file = GgufFile.open(path)) {
            assertThat(floats(file, "x")).containsExactly(values);
            file.read("x", (block, length) -> assertThat(block).hasSizeLessThan(values.length));
        }
    }

    @Test
    void metadataOfEveryTypeIsRead() throws IOException {
        Path path = save(new GgufBytes()
                .key("uint8", 0, b -> b.put((byte) 200))
                .key("int8", 1, b -> b.put((byte) -2))
                .key("uint16", 2, b -> b.putShort((short) 60000))
                .key("int16", 3, b -> b.putShort((short) -3))
                .key("uint32", 4, b -> b.putInt(-1))
                .key("int32", 5, b -> b.putInt(7))
                .key("float32", 6, b -> b.putFloat(1e-5f))
                .key("bool", 7, b -> b.put((byte) 1))
                .key("string", "naïve")
                .key("texts", List.of("a", "", "東京"))
                .key("ints", new int[] {3, -1})
                .key("uint64", 10, b -> b.putLong(1L << 40))
                .key("int64", 11, b -> b.putLong(-5))
                .key("float64", 12, b -> b.putDouble(0.1)));
        try (GgufFile file = GgufFile.open(path)) {
            GgufMetadata metadata = file.metadata();
            assertThat(metadata.value("uint8")).isEqualTo(200L);
            assertThat(metadata.value("int8")).isEqualTo(-2L);
            assertThat(metadata.value("uint16")).isEqualTo(60000L);
            assertThat(metadata.value("int16")).isEqualTo(-3L);
            assertThat(metadata.value("uint32")).isEqualTo(4294967295L);
            assertThat(metadata.whole("int32")).isEqualTo(7);
            assertThat(metadata.number("float32")).isEqualTo(1e-5);
            assertThat(metadata.flag("bool", false)).isTrue();
            assertThat(metadata.flag("absent", true)).isTrue();
            assertThat(metadata.text("string")).isEqualTo("naïve");
            assertThat(metadata.texts("texts")).containsExactly("a", "", "東京");
            assertThat(metadata.ints("ints")).containsExactly(3, -1);
            assertThat(metadata.value("uint64")).isEqualTo(1L << 40);
            assertThat(metadata.value("int64")).isEqualTo(-5L);
            assertThat(metadata.number("float64")).isEqualTo(0.1);
            assertThatThrownBy(() -> metadata.text("int8"))
                    .isInstanceOf(UserError.class)
                    .hasMessage(path + ": int8 is -2, expected a string");
            assertThatThrownBy(() -> metadata.whole("uint64"))
                    .isInstanceOf(UserError.class)
                    .hasMessage(path + ": uint64 is 1099511627776, expected a whole number from 0 to 2147483647");
            assertThatThrownBy(() -> metadata.ints("texts"))
                    .isInstanceOf(UserError.class)
                    .hasMessage(path + ": texts is a list of 3 of type STRING, expected a list of INT32");
            assertThatThrownBy(() -> metadata.text("absent"))
                    .isInstanceOf(UserError.class)
                    .hasMessage(path + ": metadata has no absent");
        }
    }

    @Test
    void alignmentIsTheFiles() throws IOException {
        GgufBytes bytes = new GgufBytes().key(GgufHeader.ALIGNMENT, 64);
        bytes.alignment = 64;
        bytes.tensor("a", GgufType.F32, GgufBytes.floats(1), 1).tensor("b", GgufType.F32, GgufBytes.floats(2, 3), 1, 2);
        try (GgufFile file = GgufFile.open(save(bytes))) {
            assertThat(floats(file, "a")).containsExactly(1);
            assertThat(file.shape("b")).isEqualTo(Shape.of(2, 1));
            assertThat(floats(file, "b")).containsExactly(2, 3);
        }
    }

    static Stream<Arguments> broken() {
        GgufBytes letters = new GgufBytes();
        letters.magic++;
        GgufBytes old = new GgufBytes();
        old.version = 1;
        GgufBytes bigEndian = new GgufBytes();
        bigEndian.version = 3 << 24;
        GgufBytes manyTensors = new GgufBytes();
        manyTensors.tensors = 1L << 40;
        GgufBytes manyKeys = new GgufBytes();
        manyKeys.keys = -1;
        return Stream.of(
                Arguments.of("not a GGUF file", letters),
                Arguments.of("GGUF version 1, expected 2 or 3", old),
                Arguments.of("GGUF version 50331648, expected 2 or 3: it is big-endian", bigEndian),
                Arguments.of("the length of tensors is given as 1099511627776, but only", manyTensors),
                Arguments.of("the length of metadata is given as 18446744073709551615, but only", manyKeys),
                Arguments.of(
                        "metadata has the key 'a?' twice",
                        new GgufBytes().key("a\n", 1).key("a\n", 2)),
                Arguments.of("the value of 'a' is of type 13, expected 0 to 12", new GgufBytes().key("a", 13, b -> {})),
                Arguments.of(
                        "the length of the value of 'a' is given as 1073741824, but only",
                        new GgufBytes().key("a", 8, b -> b.putLong(1 << 30))),
                Arguments.of(
                        "the value of 'a' is a list of lists",
                        new GgufBytes().key("a", 9, b -> b.putInt(9).putLong(0))),
                Arguments.of(
                        "the length of the value of 'a' is given as 100, but only",
                        new GgufBytes().key("a", 9, b -> b.putInt(10).putLong(100))),
                Arguments.of(
                        "general.alignment is 24, expected a power of two",
                        new GgufBytes().key(GgufHeader.ALIGNMENT, 24)),
                Arguments.of(
                        "tensor 'x' has 5 axes, expected at most 4", new GgufBytes().place("x", 0, 0, 1, 1, 1, 1, 1)),
                Arguments.of(
                        "tensor 'x' is of ggml type 10, which is not read; expected one of F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, "
                                + "Q8_0, Q4_K, Q5_K, Q6_K, BF16",
                        new GgufBytes().place("x", 10, 0, 1)),
                Arguments.of("tensor 'x': extents [0], expected", new GgufBytes().place("x", 0, 0, 0)),
                Arguments.of(
                        "tensor 'x': extents [65536, 65536], expected",
                        new GgufBytes().place("x", 0, 0, 1 << 16, 1 << 16)),
                Arguments.of(
                        "tensor 'x': rows of 16 elements, expected a multiple of 32 for Q8_0",
                        new GgufBytes().tensor("x", GgufType.Q8_0, new byte[34], 16, 2)),
                Arguments.of(
                        "tensor 'x': 8 bytes at 0 of the data, expected a multiple of 32 and an end within the file's 4: truncated?",
                        new GgufBytes().tensor("x", GgufType.F32, new byte[4], 2)),
                Arguments.of("tensor 'x': 4 bytes at 4 of the data", new GgufBytes().place("x", 0, 4, 1)),
                Arguments.of("tensor 'x': 4 bytes at 18446744073709551584", new GgufBytes().place("x", 0, -32, 1)),
                Arguments.of(
                        "two tensors are called 'x'",
                        new GgufBytes()
                                .tensor("x", GgufType.F32, new byte[4], 1)
                                .tensor("x", GgufType.F32, new byte[4], 1)),
                Arguments.of(
                        "tensor 'y' overlaps 'x'",
                        new GgufBytes()
                                .tensor("x", GgufType.F32, new byte[4], 1)
                                .place("y", 0, 0, 1)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource
    void broken(String message, GgufBytes bytes) throws IOException {
        Path path = save(bytes);
        assertThatThrownBy(() -> GgufFile.open(path))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(path + ": " + message)
                .hasMessageNotContaining("\n");
    }

    @Test
    void whatIsNoFileIsNamed() throws IOException {
        assertThatThrownBy(() -> GgufFile.open(folder))
                .isInstanceOf(UserError.class)
                .hasMessage(folder + ": is not a file; expected a GGUF file");
        Path empty = Files.createFile(folder.resolve("empty.gguf"));
        assertThatThrownBy(() -> GgufFile.open(empty))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(empty + ": not a GGUF file");
    }

    @Test
    void randomDamageGivesNumbersOrAUserError() throws IOException {
        byte[] whole = new GgufBytes()
                .key("general.architecture", "llama")
                .key("tokens", List.of("a", "bc"))
                .key("types", new int[] {1, 3})
                .tensor("x", GgufType.F32, GgufBytes.floats(1, 2, 3, 4), 2, 2)
                .tensor("y", GgufType.Q8_0, new byte[34], 32)
                .bytes();
        int read = 0;
        for (int seed = 0; seed < 1_500; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            byte[] bytes = whole.clone();
            for (int n = random.nextInt(4); n >= 0; n--) {
                int at = random.nextInt(bytes.length);
                switch (random.nextInt(3)) {
                    case 0 -> bytes[at] = (byte) random.nextInt(256);
                    case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                    default -> bytes = Arrays.copyOf(bytes, 1 + random.nextInt(bytes.length + 20));
                }
            }
            Path path = Files.write(folder.resolve("damaged.gguf"), bytes);
            try (GgufFile file = GgufFile.open(path)) {
                for (String name : file.names()) {
                    floats(file, name);
                }
                read++;
            } catch (UserError e) {
                assertThat(e.getMessage())
                        .as("seed %d", seed)
                        .startsWith(path + ": ")
                        .doesNotContain("\n");
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + seed, e);
            }
        }
        assertThat(read).isBetween(150, 1_350);
    }

    private Path save(GgufBytes bytes) throws IOException {
        return Files.write(folder.resolve("x.gguf"), bytes.bytes());
    }

    private static float[] floats(GgufFile file, String name) {
        FloatBuffer floats =
                FloatBuffer.allocate(Math.toIntExact(file.shape(name).size()));
        file.read(name, (block, length) -> floats.put(block, 0, length));
        return floats.array();
    }
}
