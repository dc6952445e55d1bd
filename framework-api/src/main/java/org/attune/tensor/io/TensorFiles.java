package org.attune.tensor.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.attune.plugin.UserError;

/** Writes safetensors files. */
public final class TensorFiles {
    private static final int CHUNK_BYTES = 1 << 18;
    private static final JsonFactory JSON = new JsonFactory();

    private TensorFiles() {}

    /**
     * Writes {@code tensors} to {@code path}, replacing what is there, and syncs the file to the disk. The header lists
     * metadata and tensors in the order of the maps, so equal content in equal order gives equal bytes. If it fails, an
     * incomplete file may be left: write aside and rename.
     *
     * @param metadata free-form strings; may be empty
     * @throws UserError if the file cannot be written, for example on a full disk
     * @throws IllegalArgumentException if a tensor is called {@code __metadata__}, or the names exceed the format's limit
     */
    public static void write(Path path, Map<String, HostTensor> tensors, Map<String, String> metadata) {
        if (tensors.containsKey(TensorHeader.METADATA)) {
            throw new IllegalArgumentException("a tensor cannot be called " + TensorHeader.METADATA);
        }
        List<String> layout = new ArrayList<>(tensors.keySet());
        // Widest first, as the format's own writer lays them out: then every tensor is aligned to its element.
        layout.sort(Comparator.comparing(name -> -tensors.get(name).type().bytes()));
        try (FileChannel channel = FileChannel.open(
                path, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            writeFully(channel, header(tensors, layout, metadata));
            ByteBuffer chunk = ByteBuffer.allocate(CHUNK_BYTES).order(ByteOrder.LITTLE_ENDIAN);
            for (String name : layout) {
                writeData(channel, tensors.get(name), chunk);
            }
            channel.force(true);
        } catch (IOException e) {
            throw FileErrors.cannot("write", path, e);
        }
    }

    private static ByteBuffer header(Map<String, HostTensor> tensors, List<String> layout, Map<String, String> metadata)
            throws IOException {
        Map<String, Long> begins = new HashMap<>();
        long end = 0;
        for (String name : layout) {
            begins.put(name, end);
            end += tensors.get(name).bytes();
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.write(new byte[Long.BYTES]); // the length, once it is known
        try (JsonGenerator json = JSON.createGenerator(bytes)) {
            json.writeStartObject();
            if (!metadata.isEmpty()) {
                json.writeObjectFieldStart(TensorHeader.METADATA);
                for (Map.Entry<String, String> m : metadata.entrySet()) {
                    json.writeStringField(m.getKey(), m.getValue());
                }
                json.writeEndObject();
            }
            for (Map.Entry<String, HostTensor> t : tensors.entrySet()) {
                long begin = begins.get(t.getKey());
                json.writeObjectFieldStart(t.getKey());
                json.writeStringField("dtype", t.getValue().type().name());
                json.writeFieldName("shape");
                int[] dims = t.getValue().shape().dims();
                json.writeArray(dims, 0, dims.length);
                json.writeFieldName("data_offsets");
                json.writeArray(new long[] {begin, begin + t.getValue().bytes()}, 0, 2);
                json.writeEndObject();
            }
            json.writeEndObject();
        }
        while (bytes.size() % 8 != 0) {
            bytes.write(' ');
        }
        long length = (long) bytes.size() - Long.BYTES;
        if (length > TensorHeader.MAX_BYTES) {
            throw new IllegalArgumentException(
                    "a header of " + length + " bytes: the format allows " + TensorHeader.MAX_BYTES);
        }
        return ByteBuffer.wrap(bytes.toByteArray())
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(0, length);
    }

    private static void writeData(FileChannel channel, HostTensor tensor, ByteBuffer chunk) throws IOException {
        int width = tensor.type().bytes();
        int perChunk = CHUNK_BYTES / width;
        long size = tensor.shape().size();
        for (long from = 0; from < size; from += perChunk) {
            int n = (int) Math.min(perChunk, size - from);
            chunk.clear().limit(n * width);
            tensor.copy((int) from, n, chunk);
            writeFully(channel, chunk);
        }
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}
