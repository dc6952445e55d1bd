package org.attune.tensor.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TensorFileTest {
    @TempDir
    Path folder;

    @Test
    void whatIsWrittenIsReadBack() {
        // More elements than one chunk holds, so that chunk borders are crossed.
        float[] floats = new float[300 * 1000];
        double[] doubles = new double[70_001];
        Random random = new Random(1);
        for (int i = 0; i < floats.length; i++) {
            floats[i] = Float.intBitsToFloat(random.nextInt());
        }
        for (int i = 0; i < doubles.length; i++) {
            doubles[i] = random.nextGaussian();
        }
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        tensors.put("z.weight", HostTensor.of(Shape.of(300, 1000), floats));
        tensors.put("a \"quoted\" name, ü", HostTensor.of(Shape.of(1, 3), 7, -8, Integer.MIN_VALUE));
        tensors.put("moments", HostTensor.of(Shape.of(doubles.length), doubles));
        tensors.put("step", HostTensor.of(Shape.SCALAR, Long.MIN_VALUE));
        tensors.put("nothing", HostTensor.of(Shape.of(0, 5), new float[0]));
        Path path = folder.resolve("round.safetensors");
        TensorFiles.write(path, tensors, Map.of("format", "pt"));

        try (TensorFile file = TensorFile.open(path)) {
            assertThat(file.names()).containsExactlyElementsOf(tensors.keySet());
            assertThat(file.metadata()).containsExactly(Map.entry("format", "pt"));
            tensors.forEach((name, tensor) -> {
                assertThat(file.shape(name)).isEqualTo(tensor.shape());
                assertThat(file.type(name)).isEqualTo(tensor.type());
            });
            assertThat(bits(file.floats("z.weight"))).isEqualTo(bits(floats));
            float[] viewed = new float[floats.length];
            file.floatView("z.weight").get(viewed);
            assertThat(bits(viewed)).isEqualTo(bits(floats));
            assertThat(file.ints("a \"quoted\" name, ü")).containsExactly(7, -8, Integer.MIN_VALUE);
            assertThat(file.doubles("moments")).isEqualTo(doubles);
            assertThat(file.longs("step")).containsExactly(Long.MIN_VALUE);
            assertThat(file.floats("nothing")).isEmpty();
            assertThat(file.floatView("nothing").remaining()).isZero();
        }
    }

    @Test
    void equalContentGivesEqualBytesAndAlignedTensors() throws IOException {
        Map<String, HostTensor> tensors = new LinkedHashMap<>();
        tensors.put("odd", HostTensor.of(Shape.of(1), 1f));
        tensors.put("wide", HostTensor.of(Shape.of(1), 1d));
        Path one = folder.resolve("one");
        Path two = folder.resolve("two");
        TensorFiles.write(one, tensors, Map.of());
        Files.write(two, new byte[9999]); // what is there is replaced in full
        TensorFiles.write(two, tensors, Map.of());

        String header = "{\"odd\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]},"
                + "\"wide\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}";
        byte[] expected = file(
                header + " ".repeat((8 - header.length() % 8) % 8),
                data(b -> b.putDouble(1).putFloat(1)));
        assertThat(Files.readAllBytes(one)).isEqualTo(expected);
        assertThat(Files.readAllBytes(two)).isEqualTo(expected);
    }

    @Test
    void everyTypeConverts() throws IOException {
        String header = header(
                entry("f64", "F64", "[2]", 0, 16),
                entry("f32", "F32", "[2]", 16, 24),
                entry("f16", "F16", "[2]", 24, 28),
                entry("bf16", "BF16", "[2]", 28, 32),
                entry("i64", "I64", "[2]", 32, 48),
                entry("i32", "I32", "[2]", 48, 56),
                entry("i16", "I16", "[2]", 56, 60),
                entry("i8", "I8", "[2]", 60, 62),
                entry("u8", "U8", "[2]", 62, 64),
                entry("bool", "BOOL", "[2]", 64, 66));
        byte[] data = data(b -> b.putDouble(0.1)
                .putDouble(-2)
                .putFloat(0.1f)
                .putFloat(-2)
                .putShort((short) 0x3555)
                .putShort((short) 0xc000)
                .putShort((short) 0x3eab)
                .putShort((short) 0xc000)
                .putLong(1L << 40)
                .putLong(-2)
                .putInt(16_777_217)
                .putInt(-2)
                .putShort((short) 300)
                .putShort((short) -2)
                .put((byte) 127)
                .put((byte) -2)
                .put((byte) 127)
                .put((byte) -2)
                .put((byte) 1)
                .put((byte) 0));
        try (TensorFile file = TensorFile.open(save(file(header, data)))) {
            assertThat(file.floats("f64")).containsExactly(0.1f, -2);
            assertThat(file.floats("f32")).containsExactly(0.1f, -2);
            assertThat(file.floats("f16")).containsExactly(0x1.554p-2f, -2);
            assertThat(file.floats("bf16")).containsExactly(0x1.56p-2f, -2);
            assertThat(file.floats("i64")).containsExactly(0x1p40f, -2);
            assertThat(file.floats("i32")).containsExactly(16_777_216f, -2);
            assertThat(file.floats("u8")).containsExactly(127, 254);
            assertThat(file.doubles("f64")).containsExactly(0.1, -2);
            assertThat(file.doubles("f32")).containsExactly(0.1f, -2);
            assertThat(file.doubles("f16")).containsExactly(0x1.554p-2, -2);
            assertThat(file.doubles("bf16")).containsExactly(0x1.56p-2, -2);
            assertThat(file.doubles("i32")).containsExactly(16_777_217, -2);
            assertThat(file.longs("i64")).containsExactly(1L << 40, -2);
            assertThat(file.longs("i32")).containsExactly(16_777_217, -2);
            assertThat(file.ints("i16")).containsExactly(300, -2);
            assertThat(file.ints("i8")).containsExactly(127, -2);
            assertThat(file.ints("u8")).containsExactly(127, 254);
            assertThat(file.ints("bool")).containsExactly(1, 0);

            assertThatThrownBy(() -> file.ints("i64"))
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining("'i64': element 0 is 1099511627776, expected a 32-bit integer");
            assertThatThrownBy(() -> file.longs("f32"))
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining("'f32' is F32, expected an integer type");
            assertThatThrownBy(() -> file.floatView("f64"))
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining("'f64' is F64 of 16 bytes, expected F32");
            assertThatThrownBy(() -> file.shape("f8"))
                    .isInstanceOf(UserError.class)
                    .hasMessageContaining("no tensor 'f8'; it holds 10: 'f64', 'f32'");
        }
    }

    @Test
    void everyHalfConvertsExactly() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            int exponent = bits >> 10 & 31;
            int fraction = bits & 1023;
            double magnitude = exponent == 31
                    ? (fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN)
                    : exponent == 0
                            ? fraction / 1024.0 * Math.pow(2, -14)
                            : (1 + fraction / 1024.0) * Math.pow(2, exponent - 15);
            double expected = bits >> 15 == 0 ? magnitude : -magnitude;
            assertThat(Double.compare(HalfFloats.fromFloat16((short) bits), expected))
                    .as("0x%x", bits)
                    .isZero();
        }
    }

    @Test
    void readsTheGoldenModel() {
        Path model = Path.of(System.getProperty("attune.shared", "../shared"), "golden/models/bert/model.safetensors");
        assumeTrue(Files.exists(model), model + " is absent");
        try (TensorFile file = TensorFile.open(model)) {
            assertThat(file.names()).hasSize(41);
            assertThat(file.metadata()).containsEntry("format", "pt");
            // First, second and last value as safetensors.numpy.load_file(...)[name].ravel() gives them.
            float[] query = file.floats("bert.encoder.layer.1.attention.self.query.weight");
            assertThat(file.shape("bert.encoder.layer.1.attention.self.query.weight"))
                    .isEqualTo(Shape.of(64, 64));
            assertThat(new float[] {query[0], query[1], query[4095]})
                    .containsExactly(0.04182653f, -0.016226087f, 0.09300569f);
            float[] bias = file.floats("bert.embeddings.LayerNorm.bias");
            assertThat(new float[] {bias[0], bias[1], bias[63]})
                    .containsExactly(-0.048884433f, 0.12789504f, -0.01786689f);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "[]                                                                 | the header: found [, expected an object",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}    | not valid JSON",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}} x | not valid JSON",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}} 1 | goes on after its closing brace",
                "{\"w\":3}                                                          | tensor 'w': found 3, expected an object",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[[[[2]]]],\"data_offsets\":[0,8]}} | tensor 'w': shape: found [, expected an integer",
                "{\"w\":{\"dtype\":\"F8\",\"shape\":[2],\"data_offsets\":[0,8]}}    | tensor 'w': dtype 'F8', expected one of [F64, F32",
                "{\"w\":{\"dtype\":32,\"shape\":[2],\"data_offsets\":[0,8]}}        | tensor 'w': dtype: found 32, expected a string",
                "{\"w\":{\"shape\":[2],\"data_offsets\":[0,8]}}                     | tensor 'w': dtype is missing",
                "{\"w\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}                 | tensor 'w': shape is missing",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[2]}}                          | tensor 'w': data_offsets is missing",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"offsets\":[0,8]}}        | tensor 'w': unknown field 'offsets'",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}  | tensor 'w': shape holds -2",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}} | tensor 'w': shape: found 2.0, expected an integer",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,8]}} | tensor 'w': shape holds 99999999999999999999",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[4294967298],\"data_offsets\":[0,8]}} | tensor 'w': extent 4294967298, expected at most",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[2147483647,2147483647,4],\"data_offsets\":[0,8]}} | tensor 'w': shape [2147483647, 2147483647, 4] is larger than any file",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}   | tensor 'w': data_offsets [0, 8] span 8 bytes, expected 12 for F32 of shape [3]",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}   | tensor 'w': data_offsets [8, 0], expected [begin, end]",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,9]}} | tensor 'w': data_offsets [0, 8, 9], expected [begin, end]",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}  | tensor 'w': data_offsets [0, 16] reach beyond the file's 8 bytes of data",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[9223372036854775804,9223372036854775807]}} | reach beyond the file's 8 bytes",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}   | the tensors end at byte 4 of the data, expected 8",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}   | tensor 'w' begins at byte 4 of the data, expected 0: a gap",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"v\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}} | tensor 'v' begins at byte 4 of the data, expected 8: it overlaps",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}} | Duplicate field 'w'",
                "{\"w\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}} | Duplicate field 'dtype'",
                "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"},\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}} | Duplicate field 'a'",
                "{\"__metadata__\":{\"epoch\":3},\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}} | __metadata__ 'epoch': found 3, expected a string",
                "{\"a\\nb\":7}                                                      | tensor 'a?b': found 7",
            })
    void aLyingHeaderIsRefused(String header, String expected) throws IOException {
        Path path = save(file(header, new byte[8]));
        assertThatThrownBy(() -> TensorFile.open(path))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(path + ": ")
                .hasMessageContaining(expected)
                .hasMessageNotContaining("\n");
    }

    @Test
    void deepNestingIsRefused() throws IOException {
        refused(file("{\"w\":{\"shape\":" + "[".repeat(50_000), new byte[0]), "tensor 'w': shape: found [");
    }

    @Test
    void brokenUtf8IsRefused() throws IOException {
        byte[] bytes = file("{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", new byte[8]);
        bytes[10] = (byte) 0xff;
        refused(bytes, "the header is not valid UTF-8");
        refused(file("{\"w\":1}".getBytes(StandardCharsets.UTF_16LE), new byte[0]), "not valid JSON");
    }

    @Test
    void aLyingLengthIsRefusedBeforeAnythingIsAllocated() throws IOException {
        refused(new byte[0], "0 bytes, expected at least 8");
        refused(new byte[7], "7 bytes, expected at least 8");
        for (long length : new long[] {0, 1, 57, 1L << 31, Long.MAX_VALUE, -1, Long.MIN_VALUE}) {
            byte[] bytes = data(b -> b.putLong(length).put(new byte[56]));
            refused(bytes, "given as " + Long.toUnsignedString(length) + " bytes, expected 2 to 56");
        }
    }

    @Test
    void everyTruncationIsRefused() throws IOException {
        byte[] whole = sample();
        for (int length = 0; length < whole.length; length++) {
            Path path = save(Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> TensorFile.open(path))
                    .isInstanceOf(UserError.class)
                    .hasMessageStartingWith(path + ": ");
        }
    }

    /** Whatever happens to a file's bytes, the user gets the numbers or one line: no other exception, no huge allocation. */
    @Test
    void randomDamageGivesNumbersOrAUserError() throws IOException {
        byte[] whole = sample();
        int read = 0;
        for (int seed = 0; seed < 4000; seed++) {
            Path path = save(damaged(whole, new SplittableRandom(seed)));
            try (TensorFile file = TensorFile.open(path)) {
                for (String name : file.names()) {
                    assertThat((long) file.floats(name).length)
                            .as("seed %d, %s", seed, name)
                            .isEqualTo(file.shape(name).size());
                    assertThat(file.doubles(name)).hasSize(file.floats(name).length);
                    if (!file.type(name).isFloating()) {
                        file.longs(name);
                        file.ints(name);
                    }
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
        assertThat(read)
                .as("damage to the data alone goes unnoticed by the format")
                .isBetween(50, 2000);
    }

    @Test
    void whatIsNotAFileIsRefused() {
        assertThatThrownBy(() -> TensorFile.open(folder))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("is not a file");
        Path absent = folder.resolve("absent");
        assertThatThrownBy(() -> TensorFile.open(absent))
                .isInstanceOf(UserError.class)
                .hasMessage(absent + ": cannot read: no such file or folder");
        Path unwritable = absent.resolve("x");
        assertThatThrownBy(() -> TensorFiles.write(unwritable, Map.of(), Map.of()))
                .isInstanceOf(UserError.class)
                .hasMessage(unwritable + ": cannot write: no such file or folder");
    }

    @Test
    void aFullDiskIsAUserError() {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.isWritable(full), "/dev/full is absent");
        assertThatThrownBy(() -> TensorFiles.write(full, Map.of("w", HostTensor.of(Shape.of(1), 1f)), Map.of()))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(full + ": cannot write: No space left on device");
    }

    @Test
    void misuseIsAProgramError() throws IOException {
        TensorFile file = TensorFile.open(save(sample()));
        file.close();
        assertThatThrownBy(() -> file.floats("a"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        assertThatThrownBy(() -> HostTensor.of(Shape.of(2, 2), 1f, 2f, 3f))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("shape [2, 2] has 4 elements, the array 3");
        HostTensor tensor = HostTensor.of(Shape.SCALAR, 1f);
        Path path = folder.resolve("x");
        assertThatThrownBy(() -> TensorFiles.write(path, Map.of("__metadata__", tensor), Map.of()))
                .isInstanceOf(IllegalArgumentException.class);
        assertThat(path).doesNotExist();
    }

    /** A small valid file with every type that the reader handles in its own way. */
    private static byte[] sample() {
        String header = header(
                "\"__metadata__\":{\"format\":\"pt\"}",
                entry("a", "F32", "[2,3]", 0, 24),
                entry("b", "I64", "[1]", 24, 32),
                entry("c", "BF16", "[]", 32, 34),
                entry("d", "F16", "[3,1]", 34, 40),
                entry("e", "U8", "[0]", 40, 40),
                entry("f", "BOOL", "[4]", 40, 44));
        byte[] data = new byte[44];
        new Random(7).nextBytes(data);
        Arrays.fill(data, 25, 32, (byte) 0); // so that b fits an int
        return file(header, data);
    }

    private static byte[] damaged(byte[] whole, SplittableRandom random) {
        byte[] bytes = whole.clone();
        for (int n = random.nextInt(4); n >= 0; n--) {
            int at = random.nextInt(bytes.length);
            switch (random.nextInt(5)) {
                case 0 -> bytes[at] = (byte) random.nextInt(256);
                case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 2 -> bytes[at] = (byte) "0123456789[]{},:\"\\- e".charAt(random.nextInt(21));
                case 3 -> bytes = Arrays.copyOf(bytes, 1 + random.nextInt(bytes.length + 20));
                default -> bytes[random.nextInt(Math.min(8, bytes.length))] = (byte) random.nextInt(256);
            }
        }
        return bytes;
    }

    private void refused(byte[] bytes, String... expected) throws IOException {
        Path path = save(bytes);
        assertThatThrownBy(() -> TensorFile.open(path))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(path + ": ")
                .hasMessageContainingAll(expected);
    }

    private Path save(byte[] bytes) throws IOException {
        return Files.write(folder.resolve("x.safetensors"), bytes);
    }

    private static String header(String... members) {
        return "{" + String.join(",", members) + "}";
    }

    private static String entry(String name, String type, String shape, long begin, long end) {
        return "\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":[" + begin + ","
                + end + "]}";
    }

    private static byte[] file(String header, byte[] data) {
        return file(header.getBytes(StandardCharsets.UTF_8), data);
    }

    private static byte[] file(byte[] header, byte[] data) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(data(b -> b.putLong(header.length)));
        out.writeBytes(header);
        out.writeBytes(data);
        return out.toByteArray();
    }

    private static byte[] data(Consumer<ByteBuffer> content) {
        ByteBuffer buffer = ByteBuffer.allocate(256).order(ByteOrder.LITTLE_ENDIAN);
        content.accept(buffer);
        return Arrays.copyOf(buffer.array(), buffer.position());
    }

    private static int[] bits(float[] floats) {
        int[] bits = new int[floats.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToRawIntBits(floats[i]);
        }
        return bits;
    }
}
