package org.attune.peft.bottleneck;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.attune.model.AttachPoint;
import org.attune.model.Model;
import org.attune.peft.PeftConfig;
import org.attune.plugin.AttunePlugin;
import org.attune.training.Adapter;
import org.osgi.service.component.annotations.Component;

/**
 * Compacter (Karimi Mahabadi et al. 2021, arXiv 2106.04647): {@link Houlsby} adapters whose matrices are sums of Kronecker products of
 * rank-one blocks with a {@link Phm rule} that all of them share. Rules start near zero, so little is added at first.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "compacter", description = "bottlenecks of Kronecker products with a shared rule (Compacter)")
public final class Compacter implements Adapter<CompacterOptions> {
    private static final String NAME = "compacter";

    @Override
    public Class<CompacterOptions> options() {
        return CompacterOptions.class;
    }

    @Override
    public void attach(CompacterOptions options, Attachment on) {
        Placement placement = options.wiring().placement();
        for (AttachPoint site : placement.sites(on.points(), options.layers())) {
            Bottleneck adapter = adapter(options, site, on);
            on.residual(site.path(), (forward, at) -> adapter.apply(placement.input(at)));
        }
    }

    private static Bottleneck adapter(CompacterOptions options, AttachPoint site, Attachment on) {
        String path = site.path() + ".adapter";
        Settings settings = options.settings();
        int hidden = site.out();
        int middle = settings.middle(hidden);
        Projection down = options.phm().projection(on::parameter, path + ".down", hidden, middle);
        Projection up = options.phm().projection(on::parameter, path + ".up", middle, hidden);
        return Bottleneck.of(on::parameter, path, down, up, settings);
    }

    @Override
    public Optional<PeftFormat<CompacterOptions>> peft() {
        return Optional.of(new Format());
    }

    private static final class Format implements PeftFormat<CompacterOptions> {
        @Override
        public String type() {
            return BottleneckConfig.TYPE;
        }

        @Override
        public Map<String, Object> write(CompacterOptions options, Model model) {
            return BottleneckConfig.write(
                    NAME,
                    options.wiring().placement(),
                    options.settings(),
                    Optional.of(options.phm().written()),
                    model);
        }

        @Override
        public CompacterOptions read(Map<String, Object> fields) {
            BottleneckConfig config = new BottleneckConfig(new PeftConfig(NAME, fields));
            config.refuseAllBut(Set.of("phm"));
            CompacterOptions.Wiring wiring = config.isPlaced(Placement.PFEIFFER)
                    ? CompacterOptions.Wiring.PFEIFFER
                    : CompacterOptions.Wiring.HOULSBY;
            config.require(wiring.placement());
            return CompacterOptions.of(config.constantScaling(), wiring, config.phm());
        }
    }
}
