package org.attune.models;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.attune.model.AttachPoint;
import org.attune.model.AttachPoint.Kind;
import org.attune.tensor.Shape;

/**
 * The modules of a model, stated once in forward order: its attach points follow from them, and the names and shapes of its
 * weights.
 */
public final class Modules {
    private final List<AttachPoint> points = new ArrayList<>();
    private final Map<String, Shape> shapes = new LinkedHashMap<>();
    private final Set<String> optional = new HashSet<>();
    private final Set<String> transposed = new HashSet<>();

    /** A table of {@code rows} vectors. */
    public Modules embedding(String path, int rows, int width) {
        return add(path, Kind.EMBEDDING, rows, width).weight(path, rows, width);
    }

    public Modules linear(String path, int in, int out, boolean bias) {
        add(path, Kind.LINEAR, in, out).weight(path, out, in);
        return bias ? bias(path, out) : this;
    }

    /** A linear map with bias whose weight files hold as [in, out], Hugging Face's {@code Conv1D}. */
    public Modules conv1d(String path, int in, int out) {
        transposed.add(path + ".weight");
        return linear(path, in, out, true);
    }

    /**
     * A linear map without bias that a model may lack.
     *
     * @param tied whether its weight is another one's, so that there is none of its own
     */
    public Modules head(String path, int in, int out, boolean tied) {
        add(path, Kind.LINEAR, in, out);
        if (!tied) {
            weight(path, out, in);
            optional.add(path + ".weight");
        }
        return this;
    }

    public Modules layerNorm(String path, int width) {
        return add(path, Kind.NORM, width, width).weight(path, width).bias(path, width);
    }

    public Modules rmsNorm(String path, int width) {
        return add(path, Kind.NORM, width, width).weight(path, width);
    }

    public Modules block(String path, int width) {
        return add(path, Kind.BLOCK, width, width);
    }

    private Modules add(String path, Kind kind, int in, int out) {
        points.add(new AttachPoint(path, kind, in, out));
        return this;
    }

    private Modules weight(String path, int... dims) {
        shapes.put(path + ".weight", Shape.of(dims));
        return this;
    }

    private Modules bias(String path, int width) {
        shapes.put(path + ".bias", Shape.of(width));
        return this;
    }

    public List<AttachPoint> attachPoints() {
        return Collections.unmodifiableList(points);
    }

    /** The shapes of all weights by name. */
    public Map<String, Shape> weights() {
        return Collections.unmodifiableMap(shapes);
    }

    /** Whether a model may do without a weight. */
    public boolean optional(String weight) {
        return optional.contains(weight);
    }

    /** Whether files hold a weight as [in, out]. */
    public boolean transposedInFiles(String weight) {
        return transposed.contains(weight);
    }
}
