package org.attune.peft.bottleneck;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.attune.model.AttachPoint;
import org.attune.model.Model;
import org.attune.peft.PeftConfig;
import org.attune.training.Adapter.Composition;
import org.attune.training.Adapter.PeftFormat;

/**
 * AdapterFusion in {@code adapter_config.json}, with our own {@code peft_type}, ADAPTER_FUSION; and the adapters below it in theirs. The
 * fields are described in docs/ADAPTER_FILES.md.
 */
final class AdapterFusionFormat implements PeftFormat<AdapterFusionOptions>, Composition<AdapterFusionOptions> {
    private static final String NAME = "adapter-fusion";
    private static final Pattern TENSOR = Pattern.compile("(.+\\.adapter)(\\.(?:down|up)\\.(?:weight|bias))");

    /** Fields whose only value this is: what AdapterHub could do otherwise. */
    private static final Map<String, Object> FIXED = Map.of(
            "query", true,
            "key", true,
            "value", true,
            "query_bias", true,
            "key_bias", true,
            "value_bias", false,
            "key_value_input", "s*u (no residual)",
            "temperature", 1.0,
            "score_scale", 1.0);

    private static final Set<String> READ = Set.of(
            "variant",
            "base_model",
            "locations",
            "sites",
            "order",
            "adapters",
            "formula",
            "query_input",
            "regularization",
            "regularization_formula",
            "frozen",
            "adapterhub");

    @Override
    public String type() {
        return "ADAPTER_FUSION";
    }

    @Override
    public Map<String, Object> write(AdapterFusionOptions options, Model model) {
        Map<String, Object> adapters = new LinkedHashMap<>();
        options.adapters().forEach((name, settings) -> {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("peft_type", BottleneckConfig.TYPE);
            fields.putAll(BottleneckConfig.write("pfeiffer", Placement.PFEIFFER, settings, Optional.empty(), model));
            adapters.put(name, fields);
        });
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("variant", NAME);
        config.putAll(BottleneckConfig.place(Placement.PFEIFFER, model));
        config.put("order", List.copyOf(adapters.keySet()));
        config.put("adapters", adapters);
        String input = BottleneckConfig.input(Placement.PFEIFFER, model);
        config.put(
                "formula",
                "a = " + input + "; u_n = s_n (W_up,n f_n(W_down,n a + b_down,n) + b_up,n); q = W_q a + b_q;"
                        + " k_n = W_k u_n + b_k; v_n = W_v u_n; p = softmax_n(q . k_n); out = "
                        + BottleneckConfig.output("sum_n p_n v_n", model));
        config.putAll(FIXED);
        config.put("query_input", input);
        config.put("regularization", options.regularization());
        config.put("regularization_formula", "loss += regularization * sum over fused sites of ||I - W_v||_F^2");
        config.put("frozen", frozen(options, model));
        return config;
    }

    private static List<String> frozen(AdapterFusionOptions options, Model model) {
        List<String> names = new ArrayList<>();
        for (AttachPoint site : Placement.PFEIFFER.sites(model.attachPoints(), options.layers())) {
            for (String adapter : options.adapters().keySet()) {
                for (String part : List.of("down.bias", "down.weight", "up.bias", "up.weight")) {
                    names.add(site.path() + ".adapter." + adapter + "." + part);
                }
            }
        }
        return names;
    }

    @Override
    public AdapterFusionOptions read(Map<String, Object> fields) {
        PeftConfig config = new PeftConfig(NAME, fields);
        Map<String, Object> others = new LinkedHashMap<>(fields);
        others.keySet().removeAll(FIXED.keySet());
        new PeftConfig(NAME, others).refuseAllBut(READ);
        FIXED.forEach((field, only) -> {
            if (!only.equals(fields.getOrDefault(field, only))) {
                throw config.unsupported(field + "=" + fields.get(field));
            }
        });
        Map<?, ?> given = config.value("adapters") instanceof Map<?, ?> map ? map : Map.of();
        Map<String, Map<String, Object>> adapters = new LinkedHashMap<>();
        for (String name : config.list("order")) {
            if (!(given.get(name) instanceof Map<?, ?> adapter)) {
                throw config.unsupported("order=" + config.value("order") + ", but adapters " + given.keySet());
            }
            Map<String, Object> own = new LinkedHashMap<>();
            adapter.forEach((field, value) -> own.put(String.valueOf(field), value));
            adapters.put(name, own);
        }
        return options(adapters, config.number("regularization", 0));
    }

    // ---- the adapters below it ----

    /** With the penalty that is the default. */
    @Override
    public AdapterFusionOptions options(Map<String, Map<String, Object>> parts) {
        return options(parts, 0.01);
    }

    private static AdapterFusionOptions options(Map<String, Map<String, Object>> parts, double regularization) {
        Map<String, Settings> adapters = new LinkedHashMap<>();
        parts.forEach((name, fields) -> {
            PeftConfig config = new PeftConfig(NAME + " over '" + name + "'", fields);
            if (!BottleneckConfig.TYPE.equals(config.value("peft_type"))) {
                throw config.unsupported("peft_type=" + config.value("peft_type"));
            }
            BottleneckConfig bottleneck = new BottleneckConfig(config);
            bottleneck.refuseAllBut(Set.of());
            bottleneck.require(Placement.PFEIFFER);
            Settings settings = bottleneck.constantScaling();
            adapters.values().stream().findFirst().ifPresent(first -> {
                if (!first.layers().equals(settings.layers())) {
                    throw config.unsupported("layers=" + config.value("layers") + ", others have " + first.layers());
                }
            });
            adapters.put(name, settings);
        });
        return AdapterFusionOptions.of(adapters, regularization);
    }

    /** Heads were trained for other tasks. */
    @Override
    public Optional<String> name(String part, String tensor) {
        Matcher own = TENSOR.matcher(tensor);
        return own.matches() ? Optional.of(own.group(1) + "." + part + own.group(2)) : Optional.empty();
    }
}
