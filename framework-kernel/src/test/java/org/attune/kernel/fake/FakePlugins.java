package org.attune.kernel.fake;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BiConsumer;
import org.attune.kernel.plugins.PluginKind;
import org.attune.kernel.plugins.PluginLease;
import org.attune.kernel.plugins.PluginRegistry;
import org.attune.kernel.spec.OptionBinder;
import org.attune.kernel.spec.PluginRef;
import org.attune.plugin.Plugin;
import org.attune.trial.Catalogue.PluginInfo;

/** Plug-ins that come and go at a test's command, in the order in which a framework does it. */
public final class FakePlugins implements PluginRegistry {
    private final Map<String, Plugin<?>> plugins = new ConcurrentHashMap<>();
    private final List<Lease<?>> leases = new CopyOnWriteArrayList<>();
    private final List<Runnable> arrivals = new CopyOnWriteArrayList<>();

    /** Called before each look-up with the kind's label and the plug-in's name. */
    public volatile BiConsumer<String, String> onFind = (kind, name) -> {};

    /** A plug-in appears. */
    public void add(String name, Plugin<?> plugin) {
        plugins.put(name, plugin);
        arrivals.forEach(Runnable::run);
    }

    public Plugin<?> get(String name) {
        return plugins.get(name);
    }

    /** A plug-in goes away; returns when no code of it may be called any more. */
    public void remove(String name) {
        remove(name, () -> {});
    }

    /** @param begun told when every holder can see that it is about to leave, and none was told yet */
    public void remove(String name, Runnable begun) {
        plugins.remove(name);
        List<Lease<?>> concerned =
                leases.stream().filter(l -> l.origin.name().equals(name)).toList();
        concerned.forEach(l -> l.going = true);
        begun.run();
        for (Lease<?> lease : concerned) {
            if (lease.plugin != null) {
                lease.leaving.run();
                lease.close();
            }
        }
    }

    /** How many plug-ins are in use. */
    public int inUse() {
        return leases.size();
    }

    @Override
    public <P extends Plugin<?>> Optional<PluginLease<P>> find(PluginKind<P> kind, PluginRef ref, Runnable leaving) {
        onFind.accept(kind.label(), ref.name());
        return Optional.ofNullable(plugins.get(ref.name()))
                .filter(kind.type()::isInstance)
                .map(p -> {
                    Lease<P> lease = new Lease<>(kind, ref.name(), kind.type().cast(p), leaving);
                    leases.add(lease);
                    return lease;
                });
    }

    @Override
    public List<PluginInfo> list(PluginKind<?> kind) {
        return plugins.entrySet().stream()
                .filter(e -> kind.type().isInstance(e.getValue()))
                .map(e -> new PluginInfo(
                        kind.label(),
                        e.getKey(),
                        "1.0.0",
                        "",
                        "fake",
                        new OptionBinder().options(e.getValue().options())))
                .toList();
    }

    @Override
    public Subscription onArrival(Runnable listener) {
        arrivals.add(listener);
        return () -> arrivals.remove(listener);
    }

    private final class Lease<P extends Plugin<?>> implements PluginLease<P> {
        private final Origin origin;
        private final Runnable leaving;
        private volatile P plugin;
        private volatile boolean going;

        Lease(PluginKind<P> kind, String name, P plugin, Runnable leaving) {
            this.origin = new Origin(kind.label(), name, "1.0.0", "fake", "");
            this.plugin = plugin;
            this.leaving = leaving;
        }

        @Override
        public P plugin() {
            if (plugin == null) {
                throw new IllegalStateException("plug-in '" + origin.name() + "' is not in use");
            }
            return plugin;
        }

        @Override
        public boolean present() {
            return plugin != null && !going;
        }

        @Override
        public Origin origin() {
            return origin;
        }

        @Override
        public void close() {
            plugin = null;
            leases.remove(this);
        }
    }
}
