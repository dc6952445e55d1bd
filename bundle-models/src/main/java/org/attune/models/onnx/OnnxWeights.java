package org.attune.models.onnx;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.attune.models.onnx.OnnxGraph.Initializer;
import org.attune.models.onnx.OnnxGraph.Product;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;

/**
 * The weights of a PyTorch model that was exported to ONNX, under the names and in the layout of PyTorch's state_dict.
 *
 * <p>The exporter keeps the names of most parameters, but transposes the weight of a linear map to {@code [in, out]} and
 * then calls it {@code onnx::MatMul_885}. The product that uses it still tells where it belongs: its output is named
 * {@code /encoder/layer.0/attention/self/query/MatMul_output_0}, so the weight is
 * {@code encoder.layer.0.attention.self.query.weight}, and is given here as {@code [out, in]} again. The exporter stores
 * equal weights once; they appear here under each of their names. Left out are constants of the graph and tensors that
 * are not floating-point, such as {@code embeddings.position_ids}.
 *
 * <p>The file's bytes stay in memory as long as this object; the arrays given out are new ones. May be used by several
 * threads.
 */
public final class OnnxWeights {
    private static final int MAX_ARRAY = Integer.MAX_VALUE - 8;
    /** Room for most models at once, and the most that a stated size can make us allocate before its bytes arrive. */
    private static final int FIRST_ALLOCATION = 128 << 20;
    /** FLOAT16, DOUBLE and BFLOAT16 of TensorProto.DataType. */
    private static final Set<Integer> OTHER_FLOATING_TYPES = Set.of(10, 11, 16);

    private static final String PRODUCT_SUFFIX = "/MatMul_output_0";
    /** Side of the square that is transposed at a time: rows of it stay in the cache. */
    private static final int TILE = 32;

    private record Weight(Initializer stored, boolean transposed) {}

    private final String source;
    private final Map<String, Weight> weights = new LinkedHashMap<>();

    private OnnxWeights(String source, OnnxGraph graph) {
        this.source = source;
        graph.initializers().forEach((name, stored) -> {
            if (!isAnonymous(name)) {
                add(name, new Weight(stored, false));
            }
        });
        for (Product product : graph.products()) {
            Initializer stored = graph.initializers().get(product.weight());
            String module = moduleOf(product.output());
            if (stored != null
                    && module != null
                    && isAnonymous(product.weight())
                    && stored.shape().rank() == 2) {
                add(module + ".weight", new Weight(stored, true));
            }
        }
    }

    /**
     * Reads a whole ONNX file.
     *
     * @param source what to call the file in messages, for example {@code model.jar!/model.onnx}
     * @param in its bytes; read to the end and left open
     * @param size its length in bytes where it is known, as from a jar's directory; otherwise negative
     * @throws UserError if it cannot be read, is broken or not an ONNX model, keeps its weights in another file, or holds
     *     weights that are not float32
     */
    public static OnnxWeights read(String source, InputStream in, long size) {
        try {
            return new OnnxWeights(source, OnnxGraph.read(source, readFully(source, in, size)));
        } catch (IOException e) {
            throw new UserError(source + ": cannot read: " + e.getMessage(), e);
        }
    }

    /** The parameters' names, those that the file kept first; unmodifiable. */
    public Set<String> names() {
        return Collections.unmodifiableSet(weights.keySet());
    }

    /** A linear map's weight is {@code [out, in]}. @throws UserError if there is no such weight */
    public Shape shape(String name) {
        Weight weight = weight(name);
        Shape stored = weight.stored().shape();
        return weight.transposed() ? Shape.of(stored.dim(1), stored.dim(0)) : stored;
    }

    /** The numbers, row-major, in a new array. @throws UserError if there is no such weight */
    public float[] floats(String name) {
        Weight weight = weight(name);
        FloatBuffer stored = weight.stored().data().asFloatBuffer();
        float[] out = new float[stored.remaining()];
        if (weight.transposed() && out.length > 0) {
            Shape shape = weight.stored().shape();
            transpose(stored, shape.dim(0), shape.dim(1), out);
        } else {
            stored.get(out);
        }
        return out;
    }

    private static ByteBuffer readFully(String source, InputStream in, long size) throws IOException {
        if (size > MAX_ARRAY) {
            throw new UserError(source + ": " + size + " bytes, expected at most " + MAX_ARRAY);
        }
        int limit = size < 0 ? MAX_ARRAY : (int) size;
        byte[] bytes = new byte[Math.min(limit, FIRST_ALLOCATION)];
        int read = in.readNBytes(bytes, 0, bytes.length);
        while (read == bytes.length && read < limit) {
            bytes = Arrays.copyOf(bytes, (int) Math.min(limit, 2L * read));
            read += in.readNBytes(bytes, read, bytes.length - read);
        }
        if (size >= 0 && read < size) {
            throw new UserError(source + ": ends after " + read + " bytes, expected " + size);
        }
        if (read == limit && in.read() >= 0) {
            throw new UserError(source + ": goes on after " + read + " bytes, expected its end there");
        }
        return ByteBuffer.wrap(bytes, 0, read);
    }

    private void add(String name, Weight weight) {
        int type = weight.stored().dataType();
        if (OTHER_FLOATING_TYPES.contains(type)) {
            throw invalid("tensor '" + name + "' has data type " + type + ", expected float32 (1)");
        }
        if (type == OnnxGraph.FLOAT && weights.put(name, weight) != null) {
            throw invalid("two tensors are called '" + name + "'");
        }
    }

    private Weight weight(String name) {
        Weight weight = weights.get(name);
        if (weight == null) {
            throw invalid("no tensor '" + name + "' among its " + weights.size() + ": "
                    + String.join(", ", weights.keySet().stream().limit(8).toList())
                    + (weights.size() > 8 ? ", ..." : ""));
        }
        return weight;
    }

    private UserError invalid(String message) {
        return new UserError(source + ": " + message.replaceAll("\\p{Cntrl}", "?"));
    }

    /** Whether the exporter made the name up: no Python attribute holds ':' or '/', or begins with a digit. */
    private static boolean isAnonymous(String name) {
        return name.isEmpty() || name.indexOf(':') >= 0 || name.indexOf('/') >= 0 || Character.isDigit(name.charAt(0));
    }

    /** The module whose product this is: {@code a.b.0.c} for {@code /a/b.0/c/MatMul_output_0}; null if no module's. */
    private static String moduleOf(String output) {
        if (!output.startsWith("/") || !output.endsWith(PRODUCT_SUFFIX) || output.length() == PRODUCT_SUFFIX.length()) {
            return null;
        }
        return output.substring(1, output.length() - PRODUCT_SUFFIX.length()).replace('/', '.');
    }

    private static void transpose(FloatBuffer in, int rows, int columns, float[] out) {
        for (int r0 = 0; r0 < rows; r0 += TILE) {
            for (int c0 = 0; c0 < columns; c0 += TILE) {
                for (int c = c0; c < Math.min(c0 + TILE, columns); c++) {
                    for (int r = r0; r < Math.min(r0 + TILE, rows); r++) {
                        out[c * rows + r] = in.get(r * columns + c);
                    }
                }
            }
        }
    }
}
