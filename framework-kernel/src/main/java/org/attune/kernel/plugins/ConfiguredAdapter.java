package org.attune.kernel.plugins;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.attune.kernel.spec.OptionBinder;
import org.attune.kernel.spec.PluginRef;
import org.attune.plugin.UserError;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.attune.training.Weighting;
import org.attune.trial.Catalogue.PluginInfo;

/** An adapter plug-in in use, with options. Closing gives the plug-in back. */
public final class ConfiguredAdapter implements AutoCloseable {
    private final PluginRef ref;
    private final PluginLease<?> lease;
    private final Attaching attaching;
    private final Function<Adapter.Trained, Map<String, Tensor>> saved;
    private final Optional<Weighting> weighting;

    private ConfiguredAdapter(
            PluginRef ref,
            PluginLease<?> lease,
            Attaching attaching,
            Function<Adapter.Trained, Map<String, Tensor>> saved,
            Optional<Weighting> weighting) {
        this.ref = ref;
        this.lease = lease;
        this.attaching = attaching;
        this.saved = saved;
        this.weighting = weighting;
    }

    @FunctionalInterface
    private interface Attaching {
        void on(Adapter.Attachment attachment);
    }

    /** No installed adapter can do what a PEFT configuration says. */
    public static final class NoneFits extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private NoneFits(String why) {
            super(why);
        }
    }

    /**
     * The adapter that a spec names.
     *
     * @param base the folder that relative paths of its options start from
     * @param leaving told before its code goes
     * @return empty where it is not installed
     * @throws UserError if it does not take the options
     */
    public static Optional<ConfiguredAdapter> named(
            PluginRegistry plugins, PluginRef ref, Path base, Runnable leaving) {
        return plugins.find(PluginKind.ADAPTER, ref, leaving).map(lease -> bound(lease, lease.plugin(), ref, base));
    }

    private static <O extends Record> ConfiguredAdapter bound(
            PluginLease<?> lease, Adapter<O> adapter, PluginRef ref, Path base) {
        try {
            O options = new OptionBinder().bind(ref, PluginKind.ADAPTER.label(), adapter.options(), base);
            return new ConfiguredAdapter(
                    ref,
                    lease,
                    attachment -> adapter.attach(options, attachment),
                    Adapter.Trained::parameters,
                    adapter.weighting());
        } catch (UserError e) {
            lease.close();
            throw e;
        }
    }

    /**
     * The installed adapter that does what a PEFT configuration says.
     *
     * @param config the whole of adapter_config.json
     * @param leaving told before its code goes
     * @throws NoneFits if there is none; the message says why those that know the method refuse
     */
    public static ConfiguredAdapter ofPeft(PluginRegistry plugins, Map<String, Object> config, Runnable leaving) {
        List<String> reasons = new ArrayList<>();
        List<PluginInfo> adapters = new ArrayList<>(plugins.list(PluginKind.ADAPTER));
        adapters.sort(Comparator.comparing(PluginInfo::name));
        for (PluginInfo info : adapters) {
            Optional<PluginLease<Adapter<?>>> lease =
                    plugins.find(PluginKind.ADAPTER, PluginRef.named(info.name()), leaving);
            if (lease.isPresent()) {
                Optional<ConfiguredAdapter> found =
                        configured(lease.get(), lease.get().plugin(), config, reasons);
                if (found.isPresent()) {
                    return found.get();
                }
                lease.get().close();
            }
        }
        throw new NoneFits(
                reasons.isEmpty()
                        ? "no adapter reads peft_type " + config.get("peft_type")
                        : String.join("; ", reasons));
    }

    private static <O extends Record> Optional<ConfiguredAdapter> configured(
            PluginLease<?> lease, Adapter<O> adapter, Map<String, Object> config, List<String> reasons) {
        Optional<Adapter.PeftFormat<O>> format = adapter.peft();
        if (format.isEmpty() || !format.get().type().equals(config.get("peft_type"))) {
            return Optional.empty();
        }
        try {
            O options = format.get().read(config);
            return Optional.of(new ConfiguredAdapter(
                    PluginRef.named(lease.origin().name()),
                    lease,
                    attachment -> adapter.attach(options, attachment),
                    trained -> format.get().tensors(options, trained),
                    adapter.weighting()));
        } catch (UserError e) {
            lease.close();
            throw e;
        } catch (Adapter.UnsupportedMethod e) {
            reasons.add("adapter '" + lease.origin().name() + "': " + e.getMessage());
            return Optional.empty();
        }
    }

    /** As a spec names it. */
    public PluginRef ref() {
        return ref;
    }

    /** How its method makes one of several. */
    public Optional<Weighting> weighting() {
        return weighting;
    }

    /** Claims attach points and parameters. */
    public void attach(Adapter.Attachment attachment) {
        attaching.on(attachment);
    }

    /** What is written of a trial's tensors; what is made for it lives in the scope that is open. */
    public Map<String, Tensor> saved(Adapter.Trained trained) {
        return saved.apply(trained);
    }

    @Override
    public void close() {
        lease.close();
    }
}
