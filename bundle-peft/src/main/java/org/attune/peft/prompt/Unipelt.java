package org.attune.peft.prompt;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.attune.model.AttachPoint;
import org.attune.model.AttentionPrefix;
import org.attune.model.Forward;
import org.attune.model.LinearTransform;
import org.attune.model.Model;
import org.attune.peft.bottleneck.Bottleneck;
import org.attune.peft.bottleneck.BottleneckFormat;
import org.attune.peft.bottleneck.Placement;
import org.attune.peft.bottleneck.Settings;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.osgi.service.component.annotations.Component;

/**
 * UniPELT (Mao et al. 2021, arXiv 2110.07577): a prefix, low-rank updates and Pfeiffer's adapters, each multiplied by a
 * {@link SequenceGate gate} of its own that reads what the part reads. As in AdapterHub the positions of tokens begin at 0 and a
 * low-rank update is {@code gate B A x}, without alpha / r. For encoders alone: a gate reads the whole sequence.
 *
 * <p>The parameters are {@code prefix_embeddings} [length, layers * 2 * width]; {@code prefix_gate} at each attention; {@code lora_A},
 * {@code lora_B} and {@code lora_gate} at each target; and {@link Bottleneck}'s, with {@code gate} beside them. PEFT lacks the method;
 * its files have our own {@code peft_type}, UNIPELT.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "unipelt", description = "a prefix, low-rank updates and adapters, each with a gate (UniPELT)")
public final class Unipelt implements Adapter<UnipeltOptions> {
    private static final String NAME = "unipelt";

    @Override
    public Class<UnipeltOptions> options() {
        return UnipeltOptions.class;
    }

    @Override
    public void attach(UnipeltOptions options, Attachment on) {
        on.wholeSequences(options.padded());
        int hidden = on.words().out();
        List<AttachPoint> layers = LayerPrefix.layers(NAME, on.points());
        int width = LayerPrefix.width(layers.get(0));
        PrefixMatrix matrix =
                PrefixMatrix.trained("prefix_embeddings", options.length(), layers.size() * 2 * width, on::parameter);
        for (int i = 0; i < layers.size(); i++) {
            String path = layers.get(i).path();
            on.attention(
                    path,
                    new GatedPrefix(
                            new LayerPrefix(matrix, options.length(), i, width),
                            SequenceGate.of(path + ".prefix_gate", hidden, on)));
        }
        for (AttachPoint point : on.match(AttachPoint.Kind.LINEAR, options.targets())) {
            if (layers.stream().noneMatch(layer -> inOneLayer(point, layer))) {
                throw new UserError(
                        NAME + ": target " + point.path() + " lies in no layer, whose input a gate could read");
            }
            on.linear(point.path(), update(point, options.rank(), on));
        }
        for (AttachPoint site : Placement.PFEIFFER.sites(on.points(), List.of())) {
            String path = site.path() + ".adapter";
            Bottleneck adapter =
                    Bottleneck.dense(on::parameter, path, site, options.adapters(), Bottleneck.Start.NORMAL);
            SequenceGate gate = SequenceGate.of(path + ".gate", site.out(), on);
            on.residual(site.path(), (forward, at) -> {
                Tensor a = Placement.PFEIFFER.input(at);
                return adapter.apply(a).mul(gate.ofTokens(forward.batch(), a));
            });
        }
    }

    /** Whether the numbers of the layers in two paths, and what stands before them, are the same. */
    private static boolean inOneLayer(AttachPoint point, AttachPoint attention) {
        String layer = attention.path().replaceFirst("(\\.\\d+\\.).*", "$1");
        return point.path().startsWith(layer);
    }

    private static LinearTransform update(AttachPoint point, int rank, Attachment on) {
        String path = point.path();
        Tensor a = on.parameter(
                path + ".lora_A.weight", Shape.of(rank, point.in()), Initializer.uniform(1 / Math.sqrt(point.in())));
        Tensor b = on.parameter(path + ".lora_B.weight", Shape.of(point.out(), rank), Initializer.constant(0));
        return new GatedUpdate(a, b, SequenceGate.of(path + ".lora_gate", point.in(), on));
    }

    /**
     * @param a [rank, in]
     * @param b [out, rank]
     */
    private record GatedUpdate(Tensor a, Tensor b, SequenceGate gate) implements LinearTransform {
        @Override
        public Tensor apply(Forward forward, Tensor x, UnaryOperator<Tensor> inner) {
            Tensor inside = x.linear(a, null).mul(gate.ofTokens(forward.batch(), x));
            return inner.apply(x).add(inside.linear(b, null));
        }
    }

    private record GatedPrefix(LayerPrefix prefix, SequenceGate gate) implements AttentionPrefix {
        @Override
        public int length() {
            return prefix.length();
        }

        @Override
        public KeysAndValues of(Forward forward, Tensor x) {
            int sequences = forward.batch().sequences();
            int[] rows = new int[sequences * length()];
            int[] gates = new int[rows.length];
            for (int i = 0; i < rows.length; i++) {
                rows[i] = i % length();
                gates[i] = i / length();
            }
            Tensor factors = gate.ofSequences(forward.batch(), x).gatherRows(gates);
            KeysAndValues all = prefix.of(forward, x);
            return new KeysAndValues(
                    all.keys().gatherRows(rows).mul(factors),
                    all.values().gatherRows(rows).mul(factors));
        }
    }

    @Override
    public Optional<PeftFormat<UnipeltOptions>> peft() {
        return Optional.of(new Format());
    }

    private static final class Format implements PeftFormat<UnipeltOptions> {
        private static final String GATING = "gating";
        private static final String LORA = "lora";
        /** Of ours alone: AdapterHub's gates have no choice. */
        private static final String MEAN = "gate_mean";

        private static final String TEXT = "text";

        private final BottleneckFormat<Settings> adapters =
                new BottleneckFormat<>(NAME, Placement.PFEIFFER, settings -> settings, settings -> settings);

        @Override
        public String type() {
            return "UNIPELT";
        }

        @Override
        public Map<String, Object> write(UnipeltOptions options, Model model) {
            Map<String, Object> config = new LinkedHashMap<>(adapters.write(options.adapters(), model));
            config.put(GATING, true);
            if (!options.padded()) {
                config.put(MEAN, TEXT);
            }
            config.put(PrefixField.NAME, PrefixField.gated(options.length()).written());
            Map<String, Object> lora = new LinkedHashMap<>();
            lora.put("r", options.rank());
            lora.put("targets", model.linearNames().resolve(options.targets()));
            lora.put(GATING, true);
            config.put(LORA, lora);
            return config;
        }

        @Override
        public UnipeltOptions read(Map<String, Object> fields) {
            Map<String, Object> rest = new LinkedHashMap<>(fields);
            PrefixField prefix = PrefixField.read(NAME, rest.remove(PrefixField.NAME));
            prefix.require(NAME, false);
            Object lora = rest.remove(LORA);
            Object mean = rest.remove(MEAN);
            if (mean != null && !mean.equals(TEXT)) {
                throw new UnsupportedMethod(
                        "adapter_config.json has gate_mean=" + mean + ", which the adapter unipelt does not support");
            }
            if (!Boolean.TRUE.equals(rest.remove(GATING))
                    || !(lora instanceof Map<?, ?> map)
                    || !Boolean.TRUE.equals(map.get(GATING))
                    || !(map.get("r") instanceof Integer rank)
                    || !(map.get("targets") instanceof List<?> targets)) {
                throw new UnsupportedMethod("adapter_config.json has gating=" + fields.get(GATING) + ", lora=" + lora
                        + ", which the adapter unipelt does not support");
            }
            Settings s = adapters.read(rest);
            if (s.learnScaling() || !s.layers().isEmpty()) {
                throw new UnsupportedMethod("adapter_config.json has scaling=" + fields.get("scaling") + ", layers="
                        + fields.get("layers") + ", which the adapter unipelt does not support");
            }
            return new UnipeltOptions(
                    prefix.length(),
                    rank,
                    targets.stream().map(String::valueOf).toList(),
                    s.reductionFactor(),
                    s.nonLinearity(),
                    s.scaling(),
                    mean == null);
        }
    }
}
