package org.attune.models.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URLConnection;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.ZipException;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.io.FileBytes;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class OnnxWeightsTest {
    private static final int FLOAT = 1;
    private static final int INT64 = 7;
    private static final int FLOAT16 = 10;

    private final List<FileBytes> open = new ArrayList<>();

    @AfterEach
    void close() {
        open.forEach(FileBytes::close);
        open.clear();
    }

    @Test
    void aLinearMapGetsItsNameBack() {
        OnnxWeights weights = read(sample());
        assertThat(weights.names())
                .containsExactly("norm.bias", "scale", "encoder.layer.0.query.weight", "encoder.layer.1.query.weight");
        assertThat(weights.shape("norm.bias")).isEqualTo(Shape.of(2));
        assertThat(floats(weights, "norm.bias")).containsExactly(0.5f, -0.5f);
        assertThat(weights.shape("scale")).isEqualTo(Shape.SCALAR);
        assertThat(floats(weights, "scale")).containsExactly(3);
        for (String layer : new String[] {"0", "1"}) {
            String name = "encoder.layer." + layer + ".query.weight";
            assertThat(weights.isTransposed(name, false)).isTrue();
            assertThat(weights.shape(name)).isEqualTo(Shape.of(2, 3));
            assertThat(floats(weights, name)).containsExactly(1, 2, 3, 4, 5, 6);
        }
    }

    @Test
    void numbersComeInBlocksOfBoundedSize() {
        float[] stored = new float[200_001];
        for (int i = 0; i < stored.length; i++) {
            stored[i] = i;
        }
        OnnxWeights weights = read(model(field(5, tensor("w", FLOAT, stored, stored.length))));
        assertThat(floats(weights, "w")).containsExactly(stored);
        weights.read("w", (block, length) -> assertThat(block).hasSizeLessThan(100_000));
    }

    /** Expected: onnx.load(...) and numpy_helper.to_array, named as in BertModel(config).state_dict(), whose keys and shapes they equal. */
    @Test
    void readsMiniLm() throws IOException {
        String file = "all-minilm-l6-v2.onnx";
        URLConnection url = getClass().getClassLoader().getResource(file).openConnection();
        url.setUseCaches(false);
        OnnxWeights weights;
        try (InputStream in = url.getInputStream()) {
            weights = read(file, in, url.getContentLengthLong());
        }
        // 5 of the embeddings, 16 of each of the 6 layers, 2 of the pooler.
        assertThat(weights.names())
                .hasSize(103)
                .doesNotContain("embeddings.position_ids")
                .allMatch(n -> !n.contains(":"));
        assertThat(weights.shape("embeddings.word_embeddings.weight")).isEqualTo(Shape.of(30522, 384));
        assertThat(weights.shape("embeddings.position_embeddings.weight")).isEqualTo(Shape.of(512, 384));
        assertThat(weights.shape("embeddings.token_type_embeddings.weight")).isEqualTo(Shape.of(2, 384));
        assertThat(weights.shape("embeddings.LayerNorm.weight")).isEqualTo(Shape.of(384));
        assertThat(weights.shape("pooler.dense.weight")).isEqualTo(Shape.of(384, 384));
        for (int layer = 0; layer < 6; layer++) {
            String prefix = "encoder.layer." + layer + ".";
            for (String map : new String[] {
                "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"
            }) {
                assertThat(weights.shape(prefix + map + ".weight")).isEqualTo(Shape.of(384, 384));
                assertThat(weights.shape(prefix + map + ".bias")).isEqualTo(Shape.of(384));
            }
            assertThat(weights.shape(prefix + "intermediate.dense.weight")).isEqualTo(Shape.of(384, 1536));
            assertThat(weights.shape(prefix + "output.dense.weight")).isEqualTo(Shape.of(1536, 384));
        }

        // First, second, first of the second row, last; and the sum.
        check(
                weights,
                "encoder.layer.0.attention.self.query.weight",
                13.52819408863644,
                -0.14861962f,
                0.043580376f,
                0.035969656f,
                -0.08523893f);
        check(
                weights,
                "encoder.layer.5.intermediate.dense.weight",
                177.49087667675633,
                -0.12872046f,
                0.048867878f,
                0.02142288f,
                0.032631323f);
        check(
                weights,
                "encoder.layer.5.output.dense.weight",
                -53.19849107446487,
                -0.056546345f,
                0.009879817f,
                -0.023442611f,
                0.0012321293f);
        check(
                weights,
                "embeddings.word_embeddings.weight",
                138.05072214923618,
                -0.019989014f,
                -0.00340271f,
                -0.01637268f,
                0.0045700637f);
        check(
                weights,
                "pooler.dense.weight",
                -8.150986969470978,
                -0.015129089f,
                -0.022445679f,
                0.008331299f,
                -0.014183044f);
    }

    private static void check(OnnxWeights weights, String name, double sum, float... corners) {
        float[] w = floats(weights, name);
        int columns = weights.shape(name).dim(1);
        boolean transposed = weights.isTransposed(name, false);
        assertThat(new float[] {w[0], w[transposed ? columns : 1], w[transposed ? 1 : columns], w[w.length - 1]})
                .as(name)
                .containsExactly(corners);
        double found = 0;
        for (float x : w) {
            found += x;
        }
        // Sums of doubles in two orders.
        assertThat(found).as(name).isCloseTo(sum, within(1e-7));
    }

    @Test
    void floatDataCountsAsRawData() {
        byte[] packed = bytes(field(1, 2), field(2, FLOAT), field(8, "w"), field(4, floats(1, 2)));
        assertThat(floats(read(model(field(5, packed))), "w")).containsExactly(1, 2);
    }

    @Test
    void dimsMayBePacked() {
        byte[] packed = bytes(field(1, new byte[] {2, 1}), field(2, FLOAT), field(8, "w"), field(9, floats(1, 2)));
        assertThat(read(model(field(5, packed))).shape("w")).isEqualTo(Shape.of(2, 1));
    }

    @Test
    void anotherFloatingTypeIsRefusedByName() {
        byte[] half = bytes(field(1, 2), field(2, FLOAT16), field(8, "w"), field(9, new byte[4]));
        refused(model(field(5, half)), "tensor 'w' has data type 10, expected float32");
    }

    @Test
    void externalDataIsRefusedByName() {
        byte[] location = bytes(field(1, 2), field(2, FLOAT), field(8, "w"), field(14, 1));
        refused(model(field(5, location)), "tensor 'w' keeps its numbers in another file (external data)");
        byte[] entry = bytes(field(1, 2), field(2, FLOAT), field(8, "w"), field(13, bytes(field(1, "location"))));
        refused(model(field(5, entry)), "tensor 'w' keeps its numbers in another file (external data)");
    }

    @Test
    void aLyingTensorIsRefused() {
        refused(
                model(field(5, tensor("w", FLOAT, new float[2], 3))),
                "tensor 'w' of shape [3] has 8 bytes, expected 12");
        refused(model(field(5, tensor("w", FLOAT, new float[0], -1))), "tensor 'w': shape [-1]");
        refused(model(field(5, tensor("w", FLOAT, new float[0], 1L << 32))), "tensor 'w': shape [4294967296]");
        refused(model(field(5, tensor("w", FLOAT, new float[0], 1 << 30, 1 << 30, 1 << 30))), "tensor 'w': shape");
        refused(model(field(5, tensor("w", FLOAT, new float[1], new long[17]))), "more than 16 axes");
        byte[] one = field(5, tensor("w\n", FLOAT, new float[1], 1));
        refused(model(one, one), "tensor 'w?' comes twice");
        refused(
                model(
                        field(5, tensor("a.weight", FLOAT, new float[1], 1)),
                        field(5, tensor("onnx::MatMul_1", FLOAT, new float[1], 1, 1)),
                        field(1, node("MatMul", "/a/MatMul_output_0", "x", "onnx::MatMul_1"))),
                "two tensors are called 'a.weight'");
        assertThatThrownBy(() -> read(sample()).shape("missing"))
                .isInstanceOf(UserError.class)
                .hasMessage("x.onnx: no tensor 'missing' among its 4: norm.bias, scale, encoder.layer.0.query.weight,"
                        + " encoder.layer.1.query.weight");
    }

    @Test
    void anEmptyMatrixIsNoTrap() {
        OnnxWeights weights = read(model(
                field(5, tensor("onnx::MatMul_1", FLOAT, new float[0], Integer.MAX_VALUE, 0)),
                field(1, node("MatMul", "/w/MatMul_output_0", "x", "onnx::MatMul_1"))));
        assertThat(weights.shape("w.weight")).isEqualTo(Shape.of(Integer.MAX_VALUE, 0));
        assertThat(floats(weights, "w.weight")).isEmpty();
    }

    @Test
    void whatIsNotOnnxIsRefused() {
        refused(new byte[0], "no graph in it");
        refused("PK\3\4 not at all".getBytes(StandardCharsets.UTF_8), "x.onnx: ");
        refused(new byte[] {58}, "a number is cut off");
        refused(new byte[] {58, 5, 0}, "field 7 takes 5 bytes, but only 1 are left");
        refused(new byte[] {58, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1}, "field 7 takes 18446744073709551615 bytes");
        refused(new byte[] {58, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1}, "a number of more than 10 bytes");
        refused(new byte[] {56, 1}, "field 7 has wire type 0, expected 2");
        refused(new byte[] {59}, "field 7 has wire type 3, expected 2");
        refused(new byte[] {11}, "wire type 3 in field 1");
        refused(new byte[] {0}, "field tag 0");
    }

    @Test
    void theStatedSizeMustBeRight() {
        byte[] file = sample();
        assertThatThrownBy(() -> read("x.onnx", new ByteArrayInputStream(file), file.length + 1))
                .isInstanceOf(UserError.class)
                .hasMessage("x.onnx: ends after " + file.length + " bytes, expected " + (file.length + 1));
        assertThatThrownBy(() -> read("x.onnx", new ByteArrayInputStream(file), file.length - 1))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith("x.onnx: goes on after " + (file.length - 1) + " bytes");
        InputStream broken = new InputStream() {
            @Override
            public int read() throws IOException {
                throw new ZipException("invalid block type");
            }
        };
        assertThatThrownBy(() -> read("x.onnx", broken, 10))
                .isInstanceOf(UserError.class)
                .hasMessage("x.onnx: cannot unpack: invalid block type");
    }

    @Test
    void randomDamageGivesNumbersOrAUserError() {
        byte[] whole = sample();
        int read = 0;
        for (int seed = 0; seed < 2_000; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            byte[] bytes = whole.clone();
            for (int n = random.nextInt(4); n >= 0; n--) {
                int at = random.nextInt(bytes.length);
                switch (random.nextInt(4)) {
                    case 0 -> bytes[at] = (byte) random.nextInt(256);
                    case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                    case 2 -> bytes[at] += (byte) (random.nextInt(5) - 2);
                    default -> bytes = Arrays.copyOf(bytes, 1 + random.nextInt(bytes.length + 20));
                }
            }
            try {
                OnnxWeights weights = read(bytes);
                for (String name : weights.names()) {
                    assertThat((long) floats(weights, name).length)
                            .as("seed %d, %s", seed, name)
                            .isEqualTo(weights.shape(name).size());
                }
                read++;
            } catch (UserError e) {
                assertThat(e.getMessage())
                        .as("seed %d", seed)
                        .startsWith("x.onnx: ")
                        .doesNotContain("\n");
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + seed, e);
            } finally {
                close();
            }
        }
        assertThat(read).isBetween(100, 1_800);
    }

    /** Two linear maps that share one weight, a bias, a scalar, and what must be left out: an integer buffer, constants. */
    private static byte[] sample() {
        return model(
                field(1, node("MatMul", "/encoder/layer.0/query/MatMul_output_0", "x", "onnx::MatMul_7")),
                field(1, node("Add", "/encoder/layer.0/query/Add_output_0", "norm.bias", "y")),
                field(1, node("MatMul", "/encoder/layer.1/query/MatMul_output_0", "y", "onnx::MatMul_7")),
                field(1, node("MatMul", "/encoder/attention/MatMul_output_0", "queries", "keys")),
                field(1, node("MatMul", "/encoder/MatMul_1_output_0", "x", "onnx::MatMul_8")),
                field(2, "main_graph"),
                field(5, tensor("embeddings.position_ids", INT64, new float[4], 1, 2)),
                field(5, tensor("norm.bias", FLOAT, new float[] {0.5f, -0.5f}, 2)),
                field(5, tensor("onnx::MatMul_7", FLOAT, new float[] {1, 2, 3, 4, 5, 6}, 2, 3)),
                field(5, tensor("onnx::MatMul_8", FLOAT, new float[] {1}, 1, 1)),
                field(5, tensor("/encoder/Constant_output_0", FLOAT, new float[] {1}, 1)),
                field(5, tensor("scale", FLOAT, new float[] {3})));
    }

    private OnnxWeights read(byte[] file) {
        return read("x.onnx", new ByteArrayInputStream(file), file.length);
    }

    private OnnxWeights read(String name, InputStream in, long size) {
        FileBytes file = FileBytes.unpack(Path.of(name), in, size);
        open.add(file);
        return new OnnxWeights(file);
    }

    private static float[] floats(OnnxWeights weights, String name) {
        FloatBuffer floats =
                FloatBuffer.allocate(Math.toIntExact(weights.shape(name).size()));
        weights.read(name, (block, length) -> floats.put(block, 0, length));
        return floats.array();
    }

    private void refused(byte[] file, String expected) {
        assertThatThrownBy(() -> read(file))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith("x.onnx: ")
                .hasMessageContaining(expected);
    }

    private static byte[] model(byte[]... graphFields) {
        return bytes(field(1, 8), field(2, "pytorch"), field(7, bytes(graphFields)));
    }

    private static byte[] node(String type, String output, String... inputs) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (String input : inputs) {
            out.writeBytes(field(1, input));
        }
        out.writeBytes(bytes(field(2, output), field(3, output.replace("_output_0", "")), field(4, type)));
        return out.toByteArray();
    }

    private static byte[] tensor(String name, int type, float[] data, long... dims) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (long dim : dims) {
            out.writeBytes(field(1, dim));
        }
        out.writeBytes(bytes(field(2, type), field(8, name), field(9, floats(data))));
        return out.toByteArray();
    }

    private static byte[] field(int number, long value) {
        return bytes(varint(number << 3), varint(value));
    }

    private static byte[] field(int number, String value) {
        return field(number, value.getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] field(int number, byte[] value) {
        return bytes(varint(number << 3 | 2), varint(value.length), value);
    }

    private static byte[] varint(long value) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (; (value & ~0x7fL) != 0; value >>>= 7) {
            out.write((int) (value & 0x7f | 0x80));
        }
        out.write((int) value);
        return out.toByteArray();
    }

    private static byte[] floats(float... values) {
        ByteBuffer buffer = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        buffer.asFloatBuffer().put(values);
        return buffer.array();
    }

    private static byte[] bytes(byte[]... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }
}
