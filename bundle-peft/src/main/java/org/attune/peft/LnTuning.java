package org.attune.peft;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.attune.model.AttachPoint;
import org.attune.model.Model;
import org.attune.plugin.AttunePlugin;
import org.attune.training.Adapter;
import org.osgi.service.component.annotations.Component;

/**
 * LN tuning (Zhao et al. 2023, arXiv 2312.11420): the gains and biases of normalisations are trained, nothing else of the base model.
 *
 * <p>The parameters are the weights themselves, under their own names; in PEFT's files {@code PATH.weight} is
 * {@code PATH.ln_tuning_layers.weight}.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "ln-tuning", description = "the normalisations of the base model alone (LN tuning)")
public final class LnTuning implements Adapter<LnTuningOptions> {
    @Override
    public Class<LnTuningOptions> options() {
        return LnTuningOptions.class;
    }

    @Override
    public void attach(LnTuningOptions options, Attachment on) {
        List<String> weights = on.weights();
        List<AttachPoint> norms = norms(on.points().stream());
        Targets where = new Targets(
                "ln-tuning", options.targets().isEmpty() ? ends(norms) : options.targets(), options.selection());
        for (AttachPoint norm : where.selected(on.match(AttachPoint.Kind.NORM, where.names()))) {
            Stream.of(norm.path() + ".weight", norm.path() + ".bias")
                    .filter(weights::contains)
                    .forEach(on::train);
        }
        where.trainWhole(on);
    }

    private static List<AttachPoint> norms(Stream<AttachPoint> points) {
        return points.filter(p -> p.kind() == AttachPoint.Kind.NORM).toList();
    }

    /** The last names of the paths, which PEFT takes as targets. */
    private static List<String> ends(List<AttachPoint> norms) {
        return norms.stream()
                .map(p -> p.path().substring(p.path().lastIndexOf('.') + 1))
                .distinct()
                .toList();
    }

    @Override
    public Optional<PeftFormat<LnTuningOptions>> peft() {
        return Optional.of(new Format());
    }

    private static final class Format implements PeftFormat<LnTuningOptions> {
        @Override
        public String type() {
            return "LN_TUNING";
        }

        @Override
        public Map<String, Object> write(LnTuningOptions options, Model model) {
            List<String> targets =
                    options.targets().isEmpty() ? ends(norms(model.attachPoints().stream())) : options.targets();
            Map<String, Object> config = new LinkedHashMap<>();
            PeftConfig.write(config, targets, options.selection(), model);
            config.remove("layers_to_transform"); // which PEFT has not
            config.remove("layers_pattern");
            return config;
        }

        @Override
        public String inFile(String name, Model model) {
            int dot = name.lastIndexOf('.');
            String path = name.substring(0, dot);
            boolean ofNorm = norms(model.attachPoints().stream()).stream()
                    .anyMatch(p -> p.path().equals(path));
            return ofNorm ? path + ".ln_tuning_layers" + name.substring(dot) : name;
        }

        @Override
        public LnTuningOptions read(Map<String, Object> fields) {
            PeftConfig config = new PeftConfig("ln-tuning", fields);
            config.refuseAllBut(Set.of());
            return new LnTuningOptions(config.targets(), config.selection());
        }
    }
}
