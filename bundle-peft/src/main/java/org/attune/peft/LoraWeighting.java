package org.attune.peft;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.attune.peft.Blend.Pruning;
import org.attune.tensor.Shape;
import org.attune.training.Adapter.UnsupportedMethod;
import org.attune.training.Weighting;

/**
 * Several LoRA adapters as one, as PEFT's {@code add_weighted_adapter} does it (peft/tuners/lora/model.py, peft/utils/merge_utils.py).
 * With weights w, scales s and D = s B A, over the adapters that a linear map has:
 *
 * <ul>
 *   <li>{@code cat}: the sum of w D, by A = [w s A ...] and B = [B ...];
 *   <li>{@code svd} and what ends in it: f(D ...), to the nearest matrix of a rank;
 *   <li>all others: A = f(A ...) with weights sign(w) sqrt(|w s|), B = f(B ...) with weights sqrt(|w s|). For {@code linear} this is
 *       <em>not</em> the sum of w D, for the product has cross terms.
 * </ul>
 *
 * f is the {@link Blend}. The result has alpha = rank, so that its own scale is 1.
 */
final class LoraWeighting implements Weighting {
    private static final String A = ".lora_A.weight";
    private static final String B = ".lora_B.weight";

    /**
     * What an adapter has for a linear map.
     *
     * @param a [rank, in]
     * @param b [out, rank]
     */
    private record Factors(double[] a, double[] b, int rank, int in, int out) {}

    /** With what it counts. */
    private record Weighted(Factors factors, double scale, double weight) {}

    @Override
    public Saved combine(List<Part> parts, Way way) {
        return combine(parts, way, Blend.pruning(way));
    }

    /** @param pruning instead of the way's own */
    static Saved combine(List<Part> parts, Way way, Pruning pruning) {
        Blend blend = new Blend(way, pruning);
        Map<String, List<Weighted>> maps = new TreeMap<>();
        parts.forEach(part -> read(part)
                .forEach((path, weighted) ->
                        maps.computeIfAbsent(path, p -> new ArrayList<>()).add(weighted)));
        Map<String, Factors> combined = new TreeMap<>();
        maps.keySet().forEach(path -> combined.put(path, null)); // each is filled in by itself
        combined.entrySet().parallelStream()
                .forEach(entry -> entry.setValue(combine(entry.getKey(), maps.get(entry.getKey()), way, blend)));
        Map<String, Values> tensors = new LinkedHashMap<>();
        combined.forEach((path, f) -> {
            tensors.put(path + A, new Values(Shape.of(f.rank(), f.in()), floats(f.a())));
            tensors.put(path + B, new Values(Shape.of(f.out(), f.rank()), floats(f.b())));
        });
        Map<String, Object> config = config(parts, combined);
        Part head = head(parts);
        if (head != null) {
            others(head)
                    .forEach(name -> tensors.put(name, head.adapter().tensors().get(name)));
            config.put("modules_to_save", head.adapter().config().get("modules_to_save"));
        }
        return new Saved(config, tensors);
    }

    /** The linear maps of an adapter by their paths. */
    private static Map<String, Weighted> read(Part part) {
        LoraOptions options = new LoraFormat("lora").read(part.adapter().config());
        if (options.init().ofTheWeight()) {
            throw new UnsupportedMethod("one begins with a part of the base model's weights (init_lora_weights="
                    + part.adapter().config().get("init_lora_weights")
                    + "), which what is trained takes off again: there is no plain LoRA to combine");
        }
        if (options.bias() != LoraOptions.Bias.NONE) {
            throw new UnsupportedMethod("one trains biases of the base model (bias="
                    + part.adapter().config().get("bias") + "), which are not combined");
        }
        Map<String, Weighted> maps = new LinkedHashMap<>();
        part.adapter().tensors().forEach((name, a) -> {
            if (name.endsWith(A)) {
                String path = name.substring(0, name.length() - A.length());
                Values b = part.adapter().tensors().get(path + B);
                if (b == null
                        || a.shape().rank() != 2
                        || b.shape().rank() != 2
                        || b.shape().dim(1) != a.shape().dim(0)) {
                    throw new UnsupportedMethod(
                            "one has a " + name + " " + a.shape() + " without a " + path + B + " that fits it");
                }
                Factors factors = new Factors(
                        doubles(a.elements()),
                        doubles(b.elements()),
                        a.shape().dim(0),
                        a.shape().dim(1),
                        b.shape().dim(0));
                maps.put(path, new Weighted(factors, options.scale(path), part.weight()));
            }
        });
        return maps;
    }

    private static Factors combine(String path, List<Weighted> parts, Way way, Blend blend) {
        Factors first = parts.get(0).factors();
        if (parts.stream()
                .anyMatch(p -> p.factors().in() != first.in() || p.factors().out() != first.out())) {
            throw new UnsupportedMethod("at " + path + " they are made for linear maps of different sizes");
        }
        if (way.type() == Kind.CAT || way.type() == Kind.SVD) {
            Factors sum = sideBySide(parts, first.in(), first.out());
            return way.type() == Kind.CAT ? sum : nearest(path, sum, rank(parts, way));
        }
        return way.type().name().endsWith("_SVD")
                ? nearest(path, changes(path, parts, blend), first.in(), first.out(), rank(parts, way))
                : factorByFactor(path, parts, blend);
    }

    private static int rank(List<Weighted> parts, Way way) {
        return way.rank() > 0
                ? way.rank()
                : parts.stream().mapToInt(p -> p.factors().rank()).max().orElseThrow();
    }

    private static Factors sideBySide(List<Weighted> parts, int in, int out) {
        int rank = parts.stream().mapToInt(p -> p.factors().rank()).sum();
        double[] a = new double[rank * in];
        double[] b = new double[out * rank];
        int from = 0;
        for (Weighted part : parts) {
            Factors f = part.factors();
            for (int i = 0; i < f.a().length; i++) {
                a[from * in + i] = part.weight() * part.scale() * f.a()[i];
            }
            for (int row = 0; row < out; row++) {
                System.arraycopy(f.b(), row * f.rank(), b, row * rank + from, f.rank());
            }
            from += f.rank();
        }
        return new Factors(a, b, rank, in, out);
    }

    private static Factors factorByFactor(String path, List<Weighted> parts, Blend blend) {
        Factors first = parts.get(0).factors();
        if (parts.stream().anyMatch(p -> p.factors().rank() != first.rank())) {
            throw new UnsupportedMethod("at " + path + " their ranks are "
                    + parts.stream().map(p -> p.factors().rank()).toList()
                    + ", and this type combines factors of one rank; svd, ties-svd and cat take any");
        }
        double[] roots = parts.stream()
                .mapToDouble(p -> Math.sqrt(Math.abs(p.weight() * p.scale())))
                .toArray();
        double[] signed = roots.clone();
        for (int i = 0; i < signed.length; i++) {
            signed[i] *= Math.signum(parts.get(i).weight());
        }
        return new Factors(
                blend.of(path + A, parts.stream().map(p -> p.factors().a()).toList(), signed),
                blend.of(path + B, parts.stream().map(p -> p.factors().b()).toList(), roots),
                first.rank(),
                first.in(),
                first.out());
    }

    /** f(D ...) [out, in]. */
    private static double[] changes(String path, List<Weighted> parts, Blend blend) {
        List<double[]> changes =
                parts.stream().map(p -> product(p.factors(), p.scale())).toList();
        return blend.of(
                path, changes, parts.stream().mapToDouble(Weighted::weight).toArray());
    }

    private static double[] product(Factors f, double scale) {
        double[] product = new double[f.out() * f.in()];
        for (int row = 0; row < f.out(); row++) {
            for (int k = 0; k < f.rank(); k++) {
                double b = scale * f.b()[row * f.rank() + k];
                for (int column = 0; column < f.in(); column++) {
                    product[row * f.in() + column] += b * f.a()[k * f.in() + column];
                }
            }
        }
        return product;
    }

    private static Factors nearest(String path, double[] change, int in, int out, int rank) {
        check(path, in, out, rank);
        Decomposition part = Decomposition.nearest(change, out, in, rank);
        return new Factors(part.a(), part.b(), rank, in, out);
    }

    private static Factors nearest(String path, Factors sum, int rank) {
        check(path, sum.in(), sum.out(), rank);
        Decomposition part = Decomposition.nearest(sum.a(), sum.b(), sum.out(), sum.in(), sum.rank(), rank);
        return new Factors(part.a(), part.b(), rank, sum.in(), sum.out());
    }

    private static void check(String path, int in, int out, int rank) {
        if (rank > Math.min(in, out)) {
            throw new UnsupportedMethod("rank " + rank + " is more than " + path + " [" + out + ", " + in + "] has");
        }
    }

    // ---- what goes beside ----

    /** The only adapter that has more than factors, for example a head; null where none has. */
    private static Part head(List<Part> parts) {
        List<Part> heads =
                parts.stream().filter(part -> !others(part).isEmpty()).toList();
        if (heads.size() > 1) {
            throw new UnsupportedMethod("several hold modules that they have trained whole ("
                    + String.join(", ", new TreeSet<>(others(heads.get(1)))) + "), which are not combined");
        }
        return heads.isEmpty() ? null : heads.get(0);
    }

    private static List<String> others(Part part) {
        return part.adapter().tensors().keySet().stream()
                .filter(name -> !name.endsWith(A) && !name.endsWith(B))
                .toList();
    }

    private static Map<String, Object> config(List<Part> parts, Map<String, Factors> combined) {
        Map<String, Object> config = new LinkedHashMap<>(parts.get(0).adapter().config());
        int rank = combined.values().stream().mapToInt(Factors::rank).max().orElse(1);
        Map<String, Integer> others = new TreeMap<>();
        combined.forEach((path, f) -> {
            if (f.rank() != rank) {
                others.put(path, f.rank());
            }
        });
        config.put("r", rank);
        config.put("lora_alpha", rank);
        config.put("rank_pattern", others);
        config.put("alpha_pattern", others);
        config.put("use_rslora", false);
        config.put("init_lora_weights", true);
        config.put("modules_to_save", null);
        if (parts.stream().map(LoraWeighting::selected).distinct().count() > 1) {
            config.put("target_modules", List.copyOf(combined.keySet()));
            List.of("exclude_modules", "layers_to_transform", "layers_pattern").forEach(key -> config.put(key, null));
        }
        return config;
    }

    /** Which maps an adapter is made for, in a form that can be compared. */
    private static List<Object> selected(Part part) {
        return List.of("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern").stream()
                .map(part.adapter().config()::get)
                .map(value -> value instanceof Collection<?> several
                        ? several.stream().map(String::valueOf).collect(Collectors.toCollection(TreeSet::new))
                        : (Object) String.valueOf(value))
                .toList();
    }

    private static double[] doubles(float[] values) {
        double[] doubles = new double[values.length];
        Arrays.setAll(doubles, i -> values[i]);
        return doubles;
    }

    private static float[] floats(double[] values) {
        float[] floats = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            floats[i] = (float) values[i];
        }
        return floats;
    }
}
