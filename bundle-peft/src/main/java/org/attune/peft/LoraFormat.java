package org.attune.peft;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.attune.model.Model;
import org.attune.training.Adapter.PeftFormat;
import org.attune.training.Adapter.Trained;

/** LoRA in {@code adapter_config.json}. */
final class LoraFormat implements PeftFormat<LoraOptions> {
    private static final Set<String> READ = Set.of(
            "r",
            "lora_alpha",
            "lora_dropout",
            "use_rslora",
            "rank_pattern",
            "alpha_pattern",
            "bias",
            "init_lora_weights",
            "eva_config",
            "loraplus_lr_ratio", // an argument of PEFT's optimiser, which a trace states beside
            "megatron_core", // settings of variants that other fields switch on
            "qalora_group_size");

    /** True is the word of PEFT's configurations for its default; "true" and "false" of earlier versions. */
    private static final Map<Object, LoraOptions.Start> STARTS = Map.of(
            true,
            LoraOptions.Start.DEFAULT,
            "true",
            LoraOptions.Start.DEFAULT,
            "false",
            LoraOptions.Start.DEFAULT,
            "gaussian",
            LoraOptions.Start.GAUSSIAN,
            "pissa",
            LoraOptions.Start.PISSA,
            "olora",
            LoraOptions.Start.OLORA,
            "eva",
            LoraOptions.Start.EVA);

    private static final String A = ".lora_A.weight";

    private final String method;

    /** @param method the adapter's name, for errors */
    LoraFormat(String method) {
        this.method = method;
    }

    @Override
    public String type() {
        return "LORA";
    }

    /** With ranks that follow from the data as the trial has found them. */
    @Override
    public Map<String, Object> write(LoraOptions options, Model model, Trained trained) {
        if (options.init() != LoraOptions.Start.EVA) {
            return write(options, model);
        }
        Map<String, Integer> ranks = new LinkedHashMap<>();
        trained.parameters().forEach((name, a) -> {
            if (name.endsWith(A)) {
                ranks.put(
                        name.substring(0, name.length() - A.length()), a.shape().dim(0));
            }
        });
        return write(options.withRanks(ranks), model);
    }

    @Override
    public Map<String, Object> write(LoraOptions options, Model model) {
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("r", options.rank());
        config.put("lora_alpha", PeftConfig.written(options.alpha()));
        config.put("lora_dropout", options.dropout());
        PeftConfig.write(config, options.targets(), options.selection(), model);
        config.put("use_rslora", options.rslora());
        config.put("use_dora", false);
        config.put("bias", options.bias().name().toLowerCase(Locale.ROOT));
        config.put("fan_in_fan_out", model.weights().keySet().stream().anyMatch(model::transposedInFiles));
        config.put(
                "init_lora_weights",
                options.init() == LoraOptions.Start.DEFAULT
                        ? (Object) true
                        : options.init().name().toLowerCase(Locale.ROOT));
        config.put("eva_config", options.init() == LoraOptions.Start.EVA ? written(options.eva()) : null);
        config.put("rank_pattern", options.rankPattern());
        Map<String, Number> alphas = new LinkedHashMap<>(); // the order counts: the first pattern that fits
        options.alphaPattern().forEach((pattern, alpha) -> alphas.put(pattern, PeftConfig.written(alpha)));
        config.put("alpha_pattern", alphas);
        config.put("layer_replication", null);
        return config;
    }

    private static Map<String, Object> written(EvaOptions eva) {
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("rho", eva.rho());
        config.put("tau", eva.tau());
        config.put("whiten", eva.whiten());
        config.put("adjust_scaling_factors", eva.adjustScalingFactors());
        return config;
    }

    @Override
    public LoraOptions read(Map<String, Object> fields) {
        PeftConfig config = new PeftConfig(method, fields);
        config.refuseAllBut(READ);
        Object init = config.value("init_lora_weights");
        LoraOptions.Start start = PeftConfig.isOff(init) ? LoraOptions.Start.DEFAULT : STARTS.get(init);
        if (start == null) {
            throw config.unsupported("init_lora_weights=" + init);
        }
        Map<String, Integer> ranks = new LinkedHashMap<>();
        config.numbers("rank_pattern").forEach((regex, value) -> {
            if (value < 1 || value != Math.rint(value)) {
                throw config.unsupported("rank_pattern=" + config.value("rank_pattern"));
            }
            ranks.put(regex, value.intValue());
        });
        return new LoraOptions(
                config.whole("r", 8, 1), // PEFT's defaults, not ours
                config.number("lora_alpha", 8),
                config.number("lora_dropout", 0),
                config.targets(),
                config.is("use_rslora"),
                config.selection(),
                ranks,
                config.numbers("alpha_pattern"),
                start,
                bias(config),
                config.number("loraplus_lr_ratio", 1),
                start == LoraOptions.Start.EVA ? eva(config) : EvaOptions.DEFAULT);
    }

    /** Which tokens were seen does not matter any more, and PEFT passes over all of it where values are there. */
    private EvaOptions eva(PeftConfig config) {
        Map<String, Object> fields = new LinkedHashMap<>();
        if (config.value("eva_config") instanceof Map<?, ?> given) {
            given.forEach((name, value) -> fields.put(String.valueOf(name), value));
        }
        PeftConfig own = new PeftConfig(method, fields);
        return new EvaOptions(
                own.number("rho", 2),
                own.number("tau", 0.99),
                own.is("whiten"),
                !Boolean.FALSE.equals(own.value("adjust_scaling_factors")));
    }

    private static LoraOptions.Bias bias(PeftConfig config) {
        Object value = config.value("bias");
        if (PeftConfig.isOff(value)) {
            return LoraOptions.Bias.NONE;
        }
        return Arrays.stream(LoraOptions.Bias.values())
                .filter(b -> b.name().toLowerCase(Locale.ROOT).equals(value))
                .findFirst()
                .orElseThrow(() -> config.unsupported("bias=" + value));
    }
}
