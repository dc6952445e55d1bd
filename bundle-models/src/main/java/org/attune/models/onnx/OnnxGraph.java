package org.attune.models.onnx;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.io.FileBytes;

/**
 * What an ONNX file says about its weights: the graph's initialisers, and its products with one of them. Field numbers
 * are those of onnx.proto; everything else in the file is skipped.
 */
final class OnnxGraph {
    /** TensorProto.DataType */
    static final int FLOAT = 1;

    private static final int MAX_RANK = 16;

    /** @param begin of its numbers in the file, little-endian; for FLOAT as many as the shape's elements, otherwise unchecked */
    record Initializer(Shape shape, int dataType, int begin) {}

    /** A MatMul node, by the names of its second input and its output. */
    record Product(String weight, String output) {}

    private final Map<String, Initializer> initializers = new LinkedHashMap<>();
    private final List<Product> products = new ArrayList<>();

    private OnnxGraph() {}

    /** @throws UserError if the file is broken, is no ONNX model, or keeps its weights elsewhere */
    static OnnxGraph read(FileBytes file) {
        if (file.size() > Integer.MAX_VALUE) {
            throw file.invalid(file.size() + " bytes, expected at most " + Integer.MAX_VALUE);
        }
        // Pages that are not touched are not read: not those of the numbers.
        ProtobufReader model = new ProtobufReader(file.path().toString(), file.map(0, (int) file.size()));
        OnnxGraph graph = null;
        while (model.next()) {
            if (model.field() == 7) {
                graph = graph == null ? new OnnxGraph() : graph; // protobuf merges a field that comes twice
                graph.readGraph(model.message());
            } else {
                model.skip();
            }
        }
        if (graph == null) {
            throw model.broken("no graph in it, so it is not an ONNX model");
        }
        return graph;
    }

    /** By name, in the file's order. */
    Map<String, Initializer> initializers() {
        return initializers;
    }

    List<Product> products() {
        return products;
    }

    private void readGraph(ProtobufReader graph) {
        while (graph.next()) {
            switch (graph.field()) {
                case 1 -> readNode(graph.message());
                case 5 -> readInitializer(graph.message());
                default -> graph.skip();
            }
        }
    }

    private void readNode(ProtobufReader node) {
        int inputs = 0;
        int outputs = 0;
        String weight = null;
        String output = null;
        String type = "";
        while (node.next()) {
            if (node.field() == 1 && inputs++ == 1) {
                weight = node.string();
            } else if (node.field() == 2 && outputs++ == 0) {
                output = node.string();
            } else if (node.field() == 4) {
                type = node.string();
            } else {
                node.skip();
            }
        }
        if (type.equals("MatMul") && weight != null && output != null) {
            products.add(new Product(weight, output));
        }
    }

    private void readInitializer(ProtobufReader tensor) {
        long[] dims = new long[MAX_RANK];
        int[] rank = {0};
        String name = "";
        int dataType = 0;
        ByteBuffer data = ByteBuffer.allocate(0);
        boolean external = false;
        while (tensor.next()) {
            switch (tensor.field()) {
                case 1 ->
                    tensor.varints(dim -> {
                        if (rank[0] == MAX_RANK) {
                            throw tensor.broken("a tensor of more than " + MAX_RANK + " axes");
                        }
                        dims[rank[0]++] = dim;
                    });
                case 2 -> dataType = (int) tensor.varint();
                case 4, 9 -> data = tensor.bytes(); // float_data (packed) and raw_data hold the same bytes
                case 8 -> name = tensor.string();
                case 13 -> {
                    external = true;
                    tensor.skip();
                }
                case 14 -> external |= tensor.varint() == 1;
                default -> tensor.skip();
            }
        }
        String what = "tensor '" + (name.length() <= 200 ? name : name.substring(0, 200) + "...") + "'";
        if (external) {
            throw tensor.broken(
                    what + " keeps its numbers in another file (external data); save the model as one file");
        }
        Shape shape = checkedShape(tensor, what, Arrays.copyOf(dims, rank[0]));
        if (dataType == FLOAT && shape.size() * Float.BYTES != data.remaining()) {
            throw tensor.broken(what + " of shape " + shape + " has " + data.remaining() + " bytes, expected "
                    + shape.size() * Float.BYTES);
        }
        if (initializers.put(name, new Initializer(shape, dataType, data.position())) != null) {
            throw tensor.broken(what + " comes twice");
        }
    }

    private static Shape checkedShape(ProtobufReader tensor, String what, long[] dims) {
        int[] extents = new int[dims.length];
        long size = 1;
        for (int i = 0; i < dims.length; i++) {
            extents[i] = (int) dims[i];
            // Each extent and the product so far are below 2^31, so the product cannot overflow.
            size *= dims[i];
            if (dims[i] < 0 || dims[i] > Integer.MAX_VALUE || size > Integer.MAX_VALUE) {
                throw tensor.broken(what + ": shape " + Arrays.toString(dims) + ", expected extents from 0 and at most "
                        + Integer.MAX_VALUE + " elements");
            }
        }
        return Shape.of(extents);
    }
}
