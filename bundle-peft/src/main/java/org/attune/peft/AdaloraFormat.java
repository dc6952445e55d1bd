package org.attune.peft;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.attune.model.Model;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter.PeftFormat;
import org.attune.training.Adapter.Trained;

/**
 * AdaLoRA in PEFT's files. A triplet whose E is 0 adds nothing, so that it is left out; {@code rank_pattern} says which are there, in
 * the order of the tensors' rows.
 */
final class AdaloraFormat implements PeftFormat<AdaloraOptions> {
    private static final String E = ".lora_E";

    @Override
    public String type() {
        return "ADALORA";
    }

    @Override
    public Map<String, Object> write(AdaloraOptions options, Model model) {
        return write(options, model, new Trained(Map.of(), Map.of(), 0));
    }

    @Override
    public Map<String, Object> write(AdaloraOptions options, Model model, Trained trained) {
        long init = StepCount.of(options.tInit(), trained.steps());
        long end = StepCount.of(options.tFinal(), trained.steps());
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("init_r", options.initRank());
        config.put("target_r", options.targetRank());
        config.put("lora_alpha", PeftConfig.written(options.alpha()));
        config.put("lora_dropout", options.dropout());
        config.put("tinit", init);
        config.put("tfinal", end);
        config.put("deltaT", options.deltaT());
        config.put("beta1", options.beta1());
        config.put("beta2", options.beta2());
        config.put("orth_reg_weight", options.orthogonality());
        config.put("total_step", Math.max(trained.steps(), init + end + 1)); // PEFT reads no other
        PeftConfig.write(config, options.targets(), options.selection(), model);
        config.put("bias", "none");
        config.put("fan_in_fan_out", model.weights().keySet().stream().anyMatch(model::transposedInFiles));
        config.put("init_lora_weights", true);
        config.put("rank_pattern", pattern(options, trained));
        return config;
    }

    /** Null where nothing was pruned. */
    private static Map<String, List<Boolean>> pattern(AdaloraOptions options, Trained trained) {
        Map<String, List<Boolean>> pattern = new LinkedHashMap<>();
        options.ranks().forEach((path, rank) -> pattern.put(path + E, first(rank, options.initRank())));
        kept(trained).forEach((path, kept) -> {
            List<Boolean> all = new ArrayList<>(first(0, options.initRank()));
            for (int k : kept) {
                all.set(k, true);
            }
            pattern.put(path + E, all);
        });
        return pattern.isEmpty() ? null : pattern;
    }

    /** So many of so many. */
    private static List<Boolean> first(int rank, int of) {
        List<Boolean> list = new ArrayList<>();
        for (int i = 0; i < of; i++) {
            list.add(i < rank);
        }
        return list;
    }

    /** The triplets of each map whose E is not 0, by path; empty where that is so of all, or of none, for then nothing is learnt. */
    private static Map<String, int[]> kept(Trained trained) {
        Map<String, int[]> kept = new LinkedHashMap<>();
        boolean any = false;
        boolean all = true;
        for (Map.Entry<String, Tensor> p : trained.parameters().entrySet()) {
            if (p.getKey().endsWith(E)) {
                double[] e = p.getValue().toDoubles();
                int[] own = IntStream.range(0, e.length).filter(i -> e[i] != 0).toArray();
                kept.put(p.getKey().substring(0, p.getKey().length() - E.length()), own);
                any |= own.length > 0;
                all &= own.length == e.length;
            }
        }
        return any && !all ? kept : Map.of();
    }

    @Override
    public Map<String, Tensor> tensors(AdaloraOptions options, Trained trained) {
        Map<String, Tensor> tensors = new LinkedHashMap<>(trained.parameters());
        kept(trained).forEach((path, rows) -> {
            for (String factor : List.of(".lora_A", E, ".lora_B")) {
                Tensor whole = tensors.get(path + factor);
                if (rows.length == 0) {
                    tensors.remove(path + factor);
                } else {
                    tensors.put(path + factor, factor.equals(".lora_B") ? columns(whole, rows) : rows(whole, rows));
                }
            }
        });
        return tensors;
    }

    private static Tensor rows(Tensor t, int[] rows) {
        return t.detach().gatherRows(rows);
    }

    private static Tensor columns(Tensor t, int[] columns) {
        int width = t.shape().dim(1);
        double[] from = t.toDoubles();
        double[] to = new double[t.shape().dim(0) * columns.length];
        for (int i = 0; i < to.length; i++) {
            to[i] = from[i / columns.length * width + columns[i % columns.length]];
        }
        return Tensor.of(t.engine(), Shape.of(t.shape().dim(0), columns.length), to);
    }

    @Override
    public AdaloraOptions read(Map<String, Object> fields) {
        PeftConfig config = new PeftConfig("adalora", fields);
        config.refuseAllBut(Set.of(
                "r", // which PEFT does not use here
                "init_r",
                "target_r",
                "lora_alpha",
                "lora_dropout",
                "tinit",
                "tfinal",
                "deltaT",
                "beta1",
                "beta2",
                "orth_reg_weight",
                "total_step",
                "bias",
                "init_lora_weights",
                "rank_pattern",
                "megatron_core",
                "qalora_group_size"));
        config.refuseBias();
        return new AdaloraOptions(
                config.whole("init_r", 12, 1),
                config.whole("target_r", 8, 0),
                config.number("lora_alpha", 8),
                config.number("lora_dropout", 0),
                config.number("tinit", 0),
                config.number("tfinal", 0),
                config.whole("deltaT", 1, 1),
                config.number("beta1", 0.85),
                config.number("beta2", 0.85),
                config.number("orth_reg_weight", 0.5),
                config.targets(),
                config.selection(),
                ranks(config));
    }

    private static Map<String, Integer> ranks(PeftConfig config) {
        Map<String, Integer> ranks = new LinkedHashMap<>();
        if (config.value("rank_pattern") instanceof Map<?, ?> pattern) {
            pattern.forEach((name, kept) -> {
                String path = String.valueOf(name).replaceFirst("\\.lora_E(\\..*)?$", "");
                if (!(kept instanceof List<?> flags)) {
                    throw config.unsupported("rank_pattern=" + pattern);
                }
                ranks.put(
                        path, (int) flags.stream().filter(Boolean.TRUE::equals).count());
            });
        }
        return ranks;
    }
}
