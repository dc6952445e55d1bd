package org.attune.models.onnx;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.attune.models.WeightFile;
import org.attune.models.onnx.OnnxGraph.Initializer;
import org.attune.models.onnx.OnnxGraph.Product;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.io.FileBytes;
import org.attune.tensor.io.FloatBlocks;

/**
 * The weights of a PyTorch model that was exported to ONNX, under the names of PyTorch's state_dict.
 *
 * <p>The exporter keeps the names of most parameters, but transposes the weight of a linear map to {@code [in, out]} and
 * then calls it {@code onnx::MatMul_885}. The product that uses it still tells where it belongs: its output is named
 * {@code /encoder/layer.0/attention/self/query/MatMul_output_0}, so the weight is
 * {@code encoder.layer.0.attention.self.query.weight}. The exporter stores equal weights once; they appear here under each of
 * their names. Left out are constants of the graph and tensors that are not floating-point, such as
 * {@code embeddings.position_ids}.
 *
 * <p>May be used by several threads, as long as the file is open.
 */
public final class OnnxWeights implements WeightFile {
    private static final int BLOCK_BYTES = 1 << 18;
    /** FLOAT16, DOUBLE and BFLOAT16 of TensorProto.DataType. */
    private static final Set<Integer> OTHER_FLOATING_TYPES = Set.of(10, 11, 16);

    private static final String PRODUCT_SUFFIX = "/MatMul_output_0";

    private record Weight(Initializer stored, boolean transposed) {}

    private final FileBytes file;
    private final Map<String, Weight> weights = new LinkedHashMap<>();

    /**
     * Reads what a file says about its weights.
     *
     * @param file stays the caller's to close
     * @throws UserError if it is broken or not an ONNX model, keeps its weights in another file, or holds weights that are not
     *     float32
     */
    public OnnxWeights(FileBytes file) {
        this.file = file;
        OnnxGraph graph = OnnxGraph.read(file);
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

    @Override
    public String source() {
        return file.path().toString();
    }

    /** The parameters' names, those that the file kept first; unmodifiable. */
    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(weights.keySet());
    }

    @Override
    public Shape shape(String name) {
        return weight(name).stored().shape();
    }

    @Override
    public boolean isTransposed(String name, boolean usually) {
        return weight(name).transposed();
    }

    @Override
    public void read(String name, FloatBlocks blocks) {
        Initializer stored = weight(name).stored();
        long bytes = Float.BYTES * stored.shape().size();
        ByteBuffer chunk =
                ByteBuffer.allocate((int) Math.min(BLOCK_BYTES, bytes)).order(ByteOrder.LITTLE_ENDIAN);
        float[] block = new float[chunk.capacity() / Float.BYTES];
        for (long done = 0; done < bytes; done += chunk.limit()) {
            file.read(stored.begin() + done, chunk.clear().limit((int) Math.min(chunk.capacity(), bytes - done)));
            chunk.flip().asFloatBuffer().get(block, 0, chunk.limit() / Float.BYTES);
            blocks.accept(block, chunk.limit() / Float.BYTES);
        }
    }

    private void add(String name, Weight weight) {
        int type = weight.stored().dataType();
        if (OTHER_FLOATING_TYPES.contains(type)) {
            throw file.invalid("tensor '" + name + "' has data type " + type + ", expected float32 (1)");
        }
        if (type == OnnxGraph.FLOAT && weights.put(name, weight) != null) {
            throw file.invalid("two tensors are called '" + name + "'");
        }
    }

    private Weight weight(String name) {
        Weight weight = weights.get(name);
        if (weight == null) {
            throw file.invalid("no tensor '" + name + "' among its " + weights.size() + ": "
                    + String.join(", ", weights.keySet().stream().limit(8).toList())
                    + (weights.size() > 8 ? ", ..." : ""));
        }
        return weight;
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
}
