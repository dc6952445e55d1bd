package org.attune.peft.prompt;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.model.AttachPoint;
import org.attune.model.Model;
import org.attune.peft.bottleneck.Bottleneck;
import org.attune.peft.bottleneck.BottleneckFormat;
import org.attune.peft.bottleneck.Placement;
import org.attune.peft.bottleneck.Settings;
import org.attune.plugin.AttunePlugin;
import org.attune.training.Adapter;
import org.osgi.service.component.annotations.Component;

/**
 * The mix-and-match adapter of He et al. 2021 (arXiv 2110.04366): a prefix that two maps with tanh between compute, and a scaled
 * adapter beside each feed-forward block. As in AdapterHub the positions of tokens begin at 0, not after the prefix.
 *
 * <p>The prefix's parameters are {@code prefix_mlp.wte.weight} [length, width], {@code prefix_mlp.down} and {@code prefix_mlp.up}, those of
 * the adapters {@link Bottleneck}'s. PEFT lacks it; its files have our own {@code peft_type}, MAM.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "mam", description = "a computed prefix and parallel adapters (mix and match)")
public final class Mam implements Adapter<MamOptions> {
    private static final String NAME = "mam";

    @Override
    public Class<MamOptions> options() {
        return MamOptions.class;
    }

    @Override
    public void attach(MamOptions options, Attachment on) {
        List<AttachPoint> layers = LayerPrefix.layers(NAME, on.points());
        int columns = layers.size() * 2 * LayerPrefix.width(layers.get(0));
        PrefixMatrix matrix = PrefixMatrix.projected(
                "prefix_mlp.wte.weight",
                "prefix_mlp.down",
                "prefix_mlp.up",
                options.length(),
                on.words().out(),
                options.hidden(),
                columns,
                on::parameter);
        LayerPrefix.attach(matrix, options.length(), layers, on);
        Placement.PARALLEL.attach(on, options.adapters(), Bottleneck.Start.ZERO);
    }

    @Override
    public Optional<PeftFormat<MamOptions>> peft() {
        return Optional.of(new Format());
    }

    private static final class Format implements PeftFormat<MamOptions> {
        private final BottleneckFormat<Settings> adapters =
                new BottleneckFormat<>(NAME, Placement.PARALLEL, settings -> settings, settings -> settings);

        @Override
        public String type() {
            return "MAM";
        }

        @Override
        public Map<String, Object> write(MamOptions options, Model model) {
            Map<String, Object> config = new LinkedHashMap<>(adapters.write(options.adapters(), model));
            config.put(
                    PrefixField.NAME,
                    PrefixField.computed(options.length(), options.hidden()).written());
            return config;
        }

        @Override
        public MamOptions read(Map<String, Object> fields) {
            Map<String, Object> rest = new LinkedHashMap<>(fields);
            PrefixField prefix = PrefixField.read(NAME, rest.remove(PrefixField.NAME));
            prefix.require(NAME, true);
            Settings s = adapters.read(rest);
            if (s.learnScaling()) {
                throw new UnsupportedMethod(
                        "adapter_config.json has scaling=learned, which the adapter mam does not support");
            }
            return new MamOptions(
                    prefix.length(), prefix.hidden(), s.reductionFactor(), s.nonLinearity(), s.scaling(), s.layers());
        }
    }
}
