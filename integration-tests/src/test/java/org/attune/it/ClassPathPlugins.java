package org.attune.it;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.attune.kernel.plugins.PluginKind;
import org.attune.kernel.plugins.PluginLease;
import org.attune.kernel.plugins.PluginRegistry;
import org.attune.kernel.spec.OptionBinder;
import org.attune.kernel.spec.PluginRef;
import org.attune.peft.Adalora;
import org.attune.peft.Aflora;
import org.attune.peft.Bitfit;
import org.attune.peft.Dora;
import org.attune.peft.Full;
import org.attune.peft.Gralora;
import org.attune.peft.HeadOnly;
import org.attune.peft.Hra;
import org.attune.peft.Ia3;
import org.attune.peft.LnTuning;
import org.attune.peft.Loha;
import org.attune.peft.Lokr;
import org.attune.peft.Lora;
import org.attune.peft.Miss;
import org.attune.peft.Oft;
import org.attune.peft.TrainableTokens;
import org.attune.peft.Vera;
import org.attune.peft.bottleneck.AdapterFusion;
import org.attune.peft.bottleneck.Compacter;
import org.attune.peft.bottleneck.Houlsby;
import org.attune.peft.bottleneck.Parallel;
import org.attune.peft.bottleneck.Pfeiffer;
import org.attune.peft.freezing.FeatureExtraction;
import org.attune.peft.freezing.GradualFreezing;
import org.attune.peft.freezing.GradualUnfreezing;
import org.attune.peft.freezing.LpFt;
import org.attune.peft.prompt.Mam;
import org.attune.peft.prompt.PTuning;
import org.attune.peft.prompt.PrefixTuning;
import org.attune.peft.prompt.PromptTuning;
import org.attune.peft.prompt.Unipelt;
import org.attune.plugin.Plugin;
import org.attune.trial.Catalogue.PluginInfo;

/** Plug-ins without a framework: for tests whose subject is a method's numbers. They never leave. */
final class ClassPathPlugins implements PluginRegistry {
    private final Map<String, Plugin<?>> plugins = new LinkedHashMap<>();

    ClassPathPlugins with(String name, Plugin<?> plugin) {
        plugins.put(name, plugin);
        return this;
    }

    /** Every adapter of bundle-peft. */
    ClassPathPlugins withAdapters() {
        return with("lora", new Lora())
                .with("dora", new Dora())
                .with("gralora", new Gralora())
                .with("hra", new Hra())
                .with("ia3", new Ia3())
                .with("ln-tuning", new LnTuning())
                .with("loha", new Loha())
                .with("lokr", new Lokr())
                .with("miss", new Miss())
                .with("oft", new Oft())
                .with("trainable-tokens", new TrainableTokens())
                .with("vera", new Vera())
                .with("prefix-tuning", new PrefixTuning())
                .with("prompt-tuning", new PromptTuning())
                .with("mam", new Mam())
                .with("unipelt", new Unipelt())
                .with("p-tuning", new PTuning())
                .with("bitfit", new Bitfit())
                .with("adapter-fusion", new AdapterFusion())
                .with("compacter", new Compacter())
                .with("houlsby", new Houlsby())
                .with("pfeiffer", new Pfeiffer())
                .with("parallel", new Parallel())
                .with("adalora", new Adalora())
                .with("aflora", new Aflora())
                .with("gradual-freezing", new GradualFreezing())
                .with("gradual-unfreezing", new GradualUnfreezing())
                .with("lp-ft", new LpFt())
                .with("feature-extraction", new FeatureExtraction())
                .with("full", new Full())
                .with("head-only", new HeadOnly());
    }

    @Override
    public <P extends Plugin<?>> Optional<PluginLease<P>> find(PluginKind<P> kind, PluginRef ref, Runnable leaving) {
        return Optional.ofNullable(plugins.get(ref.name()))
                .filter(kind.type()::isInstance)
                .map(p -> new Lease<>(kind, ref.name(), kind.type().cast(p)));
    }

    @Override
    public List<PluginInfo> list(PluginKind<?> kind) {
        return plugins.entrySet().stream()
                .filter(e -> kind.type().isInstance(e.getValue()))
                .map(e -> new PluginInfo(
                        kind.label(),
                        e.getKey(),
                        "0",
                        "",
                        "",
                        new OptionBinder().options(e.getValue().options())))
                .toList();
    }

    @Override
    public Subscription onArrival(Runnable listener) {
        return () -> {};
    }

    private record Lease<P extends Plugin<?>>(PluginKind<P> kind, String name, P plugin) implements PluginLease<P> {
        @Override
        public boolean present() {
            return true;
        }

        @Override
        public Origin origin() {
            return new Origin(kind.label(), name, "0", "class path", "");
        }

        @Override
        public void close() {}
    }
}
