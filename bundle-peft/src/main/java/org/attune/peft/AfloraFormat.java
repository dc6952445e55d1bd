package org.attune.peft;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.attune.model.Model;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter.PeftFormat;
import org.attune.training.Adapter.Trained;

/**
 * AFLoRA in an {@code adapter_config.json}: a type of our own, for PEFT lacks it. {@code frozen} names the matrices that were never
 * trained, {@code freezing} the step at which each of the others froze.
 */
final class AfloraFormat implements PeftFormat<AfloraOptions> {
    @Override
    public String type() {
        return "AFLORA";
    }

    @Override
    public Map<String, Object> write(AfloraOptions options, Model model) {
        return write(options, model, new Trained(Map.of(), Map.of(), 0));
    }

    @Override
    public Map<String, Object> write(AfloraOptions options, Model model, Trained trained) {
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("r", options.rank());
        config.put("formula", "y = W x + b + scaling * lambda_b * (B (lambda_d * (A x)))");
        config.put("scaling", options.scaling());
        config.put("dropout", options.dropout());
        config.put("square_trainable", options.squareTrainable());
        config.put("schedule", options.schedule().name().toLowerCase(Locale.ROOT));
        config.put("t_i", steps(options.tInit(), trained));
        config.put("t_f", steps(options.tFinal(), trained));
        config.put("window", options.window());
        config.put("beta1", options.beta1());
        config.put("beta2", options.beta2());
        config.put("total_steps", trained.steps());
        PeftConfig.write(config, options.targets(), options.selection(), model);
        List<String> frozen = new ArrayList<>();
        Map<String, Long> freezing = new LinkedHashMap<>();
        for (String name : trained.parameters().keySet()) {
            if (name.endsWith(".aflora_A") || name.endsWith(".aflora_B")) {
                Tensor at = trained.states().get(AdaptiveFreezing.frozenAt(name));
                if (at == null) {
                    frozen.add(name);
                } else if (at.item() > 0) {
                    freezing.put(name, (long) at.item() - 1);
                }
            }
        }
        config.put("frozen", frozen);
        config.put("freezing", freezing);
        return config;
    }

    /** In steps where the trial is known. */
    private static Number steps(double given, Trained trained) {
        return PeftConfig.written(trained.steps() == 0 ? given : StepCount.of(given, trained.steps()));
    }

    @Override
    public AfloraOptions read(Map<String, Object> fields) {
        PeftConfig config = new PeftConfig("aflora", fields);
        config.refuseAllBut(Set.of(
                "r",
                "formula",
                "scaling",
                "dropout",
                "square_trainable",
                "schedule",
                "t_i",
                "t_f",
                "window",
                "beta1",
                "beta2",
                "total_steps",
                "frozen", // follows from the shapes
                "freezing",
                "first_step",
                "order",
                "base_model",
                "variant"));
        return new AfloraOptions(
                config.whole("r", 4, 1),
                config.number("scaling", 1),
                config.number("dropout", 0),
                config.is("square_trainable"),
                schedule(config),
                config.number("t_i", 0),
                config.number("t_f", 0),
                config.whole("window", 10, 1),
                config.number("beta1", 0.85),
                config.number("beta2", 0.95),
                config.targets(),
                config.selection());
    }

    private static AfloraOptions.Schedule schedule(PeftConfig config) {
        Object name = config.value("schedule");
        for (AfloraOptions.Schedule schedule : AfloraOptions.Schedule.values()) {
            if (schedule.name().toLowerCase(Locale.ROOT).equals(name)) {
                return schedule;
            }
        }
        throw config.unsupported("schedule=" + name);
    }
}
