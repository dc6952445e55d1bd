package org.attune.models;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
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
    /** Of a module in a part that a model may lack: the weights of the whole part. */
    private final Map<String, Set<String>> parts = new HashMap<>();

    private final Map<String, Double> initial = new HashMap<>();
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
        return tied
                ? add(path, Kind.LINEAR, in, out)
                : optional(m -> m.add(path, Kind.LINEAR, in, out).weight(path, out, in));
    }

    /** What {@code part} adds is such that a model has it whole or not at all. */
    public Modules optional(Consumer<Modules> part) {
        int pointsBefore = points.size();
        Set<String> before = Set.copyOf(shapes.keySet());
        part.accept(this);
        Set<String> added = new LinkedHashSet<>(shapes.keySet());
        added.removeAll(before);
        points.subList(pointsBefore, points.size()).forEach(point -> parts.put(point.path(), added));
        return this;
    }

    public Modules layerNorm(String path, int width) {
        return rmsNorm(path, width, 0).bias(path, width);
    }

    /** @param offset what is added to the weight */
    public Modules rmsNorm(String path, int width, double offset) {
        initial.put(path + ".weight", 1 - offset);
        return add(path, Kind.NORM, width, width).weight(path, width);
    }

    public Modules attention(String path, int keyHeads, int headSize) {
        return add(path, Kind.ATTENTION, keyHeads, headSize);
    }

    public Modules block(String path, int width) {
        return add(path, Kind.BLOCK, width, width);
    }

    /** The sum of attention's input and output; where a norm follows it, this comes before the norm. */
    public Modules attentionResidual(String path, int width) {
        return add(path, Kind.ATTENTION_RESIDUAL, width, width);
    }

    /** The sum of the feed-forward block's input and output, likewise. */
    public Modules feedForwardResidual(String path, int width) {
        return add(path, Kind.FEED_FORWARD_RESIDUAL, width, width);
    }

    private Modules add(String path, Kind kind, int in, int out) {
        points.add(new AttachPoint(path, kind, in, out));
        return this;
    }

    private Modules weight(String path, int... dims) {
        shapes.put(path + ".weight", Shape.of(dims));
        return this;
    }

    /** A bias alone, of a module whose weight is elsewhere. */
    public Modules bias(String path, int width) {
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

    /** Whether a module is part of a model with these weights. */
    boolean isThere(String path, Set<String> weights) {
        return weights.containsAll(parts.getOrDefault(path, Set.of()));
    }

    /** What a model with these weights lacks: of a part that it may do without, something only where it has something. */
    Set<String> missing(Set<String> weights) {
        Set<String> missing = new HashSet<>(shapes.keySet());
        missing.removeAll(weights);
        parts.values().stream()
                .filter(part -> Collections.disjoint(part, weights))
                .forEach(missing::removeAll);
        return missing;
    }

    /** What the elements of a vector are in a model that knows nothing yet: a norm changes no scale, a bias is 0. */
    public double initial(String weight) {
        return initial.getOrDefault(weight, 0.0);
    }

    /** Whether files hold a weight as [in, out]. */
    public boolean transposedInFiles(String weight) {
        return transposed.contains(weight);
    }
}
