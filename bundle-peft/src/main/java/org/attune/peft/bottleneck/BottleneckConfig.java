package org.attune.peft.bottleneck;

import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.attune.model.AttachPoint;
import org.attune.model.Model;
import org.attune.peft.PeftConfig;
import org.attune.training.Adapter.UnsupportedMethod;

/**
 * Bottleneck adapters in {@code adapter_config.json}. PEFT lacks them, so {@code peft_type} is our own, BOTTLENECK; the fields are
 * described in docs/ADAPTER_FILES.md.
 */
final class BottleneckConfig {
    static final String TYPE = "BOTTLENECK";

    private static final String LEARNED = "learned";

    /** Fields that follow from others and from the model, or that are for people. */
    private static final Set<String> READ = Set.of(
            "variant",
            "base_model",
            "locations",
            "sites",
            "block",
            "parallel",
            "adapter_input",
            "residual",
            "output_norm",
            "formula",
            "non_linearity",
            "reduction_factor",
            "bottleneck_dim",
            "scaling",
            "first_scaling",
            "dropout",
            "layers",
            "adapterhub");

    /** Of {@code phm}. */
    private static final Set<String> PHM = Set.of(
            "phm.dim",
            "phm.rank",
            "phm.shared_rule",
            "phm.factorized_rule",
            "phm.factorized_W",
            "phm.learn_rule",
            "phm.bias",
            "phm.weight");

    private final PeftConfig config;

    BottleneckConfig(PeftConfig config) {
        this.config = config;
    }

    /**
     * @param variant the method's name
     * @param phm what {@code phm} states; empty for plain matrices
     */
    static Map<String, Object> write(
            String variant, Placement placement, Settings settings, Optional<Map<String, Object>> phm, Model model) {
        boolean normed = isNormedAfterwards(model);
        String input = input(placement, model);
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("variant", variant);
        config.putAll(place(placement, model));
        config.put("block", normed ? "post_norm" : "pre_norm");
        config.put("parallel", placement == Placement.PARALLEL);
        config.put("adapter_input", input);
        config.put("residual", "x+z");
        config.put("output_norm", normed ? "LN of the block" : null);
        config.put("formula", "u = W_up f(W_down a + b_down) + b_up; a = " + input + "; out = " + output("s*u", model));
        config.put("non_linearity", settings.nonLinearity().written());
        config.put("reduction_factor", PeftConfig.written(settings.reductionFactor()));
        config.put("bottleneck_dim", settings.middle(model.hiddenSize()));
        config.put("scaling", settings.learnScaling() ? LEARNED : (Object) settings.scaling());
        if (settings.learnScaling()) {
            config.put("first_scaling", settings.scaling());
        }
        config.put("layers", settings.layers().isEmpty() ? null : settings.layers());
        config.put("adapter_norm_before", false);
        config.put("adapter_norm_after", false);
        config.put("gating", false);
        config.put("dropout", 0.0);
        config.put("phm", phm.orElse(null));
        return config;
    }

    /** The fields that say where adapters stand. */
    static Map<String, Object> place(Placement placement, Model model) {
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("base_model", model.family());
        config.put("locations", locations(placement));
        config.put(
                "sites",
                placement.sites(model.attachPoints(), List.of()).stream()
                        .map(site -> site.path().replaceFirst("\\.\\d+\\.", ".{i}."))
                        .distinct()
                        .toList());
        return config;
    }

    /** What adapters read, as formulas have it. */
    static String input(Placement placement, Model model) {
        return input(placement, isNormedAfterwards(model));
    }

    /** What the block gives where {@code added} is added. */
    static String output(String added, Model model) {
        String sum = "x + z + " + added;
        return isNormedAfterwards(model) ? "LN(" + sum + ")" : sum;
    }

    /** Whether the family's blocks end in a norm: it then stands between the last sum and the layer's end. */
    private static boolean isNormedAfterwards(Model model) {
        List<AttachPoint> points = model.attachPoints();
        for (int i = 0; i + 1 < points.size(); i++) {
            if (points.get(i).kind() == AttachPoint.Kind.FEED_FORWARD_RESIDUAL) {
                return points.get(i + 1).kind() == AttachPoint.Kind.NORM;
            }
        }
        return false;
    }

    private static List<String> locations(Placement placement) {
        return placement == Placement.HOULSBY ? List.of("attention", "ffn") : List.of("ffn");
    }

    private static String input(Placement placement, boolean normed) {
        return switch (placement) {
            case HOULSBY -> "z";
            case PFEIFFER -> normed ? "LN(x+z)" : "x+z";
            case PARALLEL -> "x";
        };
    }

    /** @param read further fields that the method reads */
    void refuseAllBut(Set<String> read) {
        Set<String> all = new HashSet<>(READ);
        all.addAll(read);
        config.refuseAllBut(all);
        config.refuseDropouts("dropout");
        require("residual", "x+z");
    }

    private void require(String field, Object expected) {
        if (!expected.equals(config.value(field))) {
            throw unsupported(field);
        }
    }

    boolean isPlaced(Placement placement) {
        return locations(placement).equals(config.value("locations"))
                && config.is("parallel") == (placement == Placement.PARALLEL)
                && List.of(input(placement, true), input(placement, false)).contains(config.value("adapter_input"));
    }

    /** @throws UnsupportedMethod if the adapters are placed otherwise */
    void require(Placement placement) {
        if (!isPlaced(placement)) {
            throw config.unsupported("locations=" + config.value("locations") + ", adapter_input="
                    + config.value("adapter_input") + ", parallel=" + config.value("parallel"));
        }
    }

    /** @throws UnsupportedMethod if one is of another kind, or not given */
    Settings settings() {
        boolean learned = LEARNED.equals(config.value("scaling"));
        double factor = config.number("reduction_factor", 0);
        if (!(factor > 0)) {
            throw unsupported("reduction_factor");
        }
        return new Settings(
                factor,
                NonLinearity.named(config.value("non_linearity")).orElseThrow(() -> unsupported("non_linearity")),
                learned ? config.number("first_scaling", 1) : config.number("scaling", 1),
                learned,
                config.wholes("layers"));
    }

    /** @throws UnsupportedMethod if the factor of what is added is trained */
    Settings constantScaling() {
        Settings settings = settings();
        if (settings.learnScaling()) {
            throw unsupported("scaling");
        }
        return settings;
    }

    /** @throws UnsupportedMethod if there is none, or one with what is not done here */
    Phm phm() {
        if (!(config.value("phm") instanceof Map<?, ?> given)) {
            throw unsupported("phm");
        }
        Map<String, Object> fields = new LinkedHashMap<>();
        given.forEach((name, value) -> fields.put("phm." + name, value));
        PeftConfig phm = new PeftConfig(config.method(), fields);
        phm.refuseAllBut(PHM);
        for (String must : List.of("phm.learn_rule", "phm.bias")) {
            if (Boolean.FALSE.equals(phm.value(must))) {
                throw phm.unsupported(must + "=false");
            }
        }
        return new Phm(
                phm.whole("phm.dim", 4, 1),
                phm.whole("phm.rank", 1, 1),
                phm.is("phm.shared_rule"),
                phm.is("phm.factorized_rule"),
                phm.is("phm.factorized_W"));
    }

    UnsupportedMethod unsupported(String field) {
        return config.unsupported(field + "=" + config.value(field));
    }
}
