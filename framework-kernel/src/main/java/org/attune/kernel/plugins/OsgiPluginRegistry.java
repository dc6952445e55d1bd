package org.attune.kernel.plugins;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.attune.kernel.spec.OptionBinder;
import org.attune.kernel.spec.PluginRef;
import org.attune.plugin.Plugin;
import org.attune.trial.Catalogue.PluginInfo;
import org.osgi.framework.BundleContext;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceEvent;
import org.osgi.framework.ServiceListener;
import org.osgi.framework.ServiceReference;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;

/**
 * The plug-ins among the framework's services. A service event is delivered before the service goes, on the thread that stops its
 * bundle; so a lease's holder can finish its step before the plug-in's code dies.
 */
@Component(service = PluginRegistry.class)
public final class OsgiPluginRegistry implements PluginRegistry {
    private final BundleContext context;
    private final List<Lease<?>> leases = new CopyOnWriteArrayList<>();
    private final List<Runnable> arrivals = new CopyOnWriteArrayList<>();
    private final ServiceListener listener = this::changed;

    @Activate
    public OsgiPluginRegistry(BundleContext context) {
        this.context = context;
        context.addServiceListener(listener);
    }

    @Deactivate
    void stop() {
        context.removeServiceListener(listener);
    }

    private void changed(ServiceEvent event) {
        if (event.getType() == ServiceEvent.UNREGISTERING) {
            for (Lease<?> lease : leases) {
                if (lease.reference.equals(event.getServiceReference())) {
                    lease.leave();
                }
            }
        } else if (event.getType() == ServiceEvent.REGISTERED
                && event.getServiceReference().getProperty("attune.name") != null) {
            arrivals.forEach(Runnable::run);
        }
    }

    @Override
    public Subscription onArrival(Runnable arrival) {
        arrivals.add(arrival);
        return () -> arrivals.remove(arrival);
    }

    @Override
    public <P extends Plugin<?>> Optional<PluginLease<P>> find(PluginKind<P> kind, PluginRef ref, Runnable leaving) {
        return references(kind).stream()
                .filter(r -> ref.name().equals(r.getProperty("attune.name")))
                .filter(r -> ref.version().isEmpty()
                        || version(r).startsWith(ref.version().get()))
                .max(Comparator.<ServiceReference<P>, Integer>comparing(OsgiPluginRegistry::ranking)
                        .thenComparing(r -> r.getBundle().getVersion()))
                .flatMap(r -> lease(kind, r, leaving));
    }

    private <P extends Plugin<?>> Optional<PluginLease<P>> lease(
            PluginKind<P> kind, ServiceReference<P> reference, Runnable leaving) {
        P plugin = context.getService(reference);
        if (plugin == null) {
            return Optional.empty();
        }
        Lease<P> lease = new Lease<>(kind, reference, plugin, leaving);
        leases.add(lease);
        if (reference.getBundle() == null) { // went away before the lease was entered
            lease.close();
            return Optional.empty();
        }
        return Optional.of(lease);
    }

    private <P extends Plugin<?>> List<ServiceReference<P>> references(PluginKind<P> kind) {
        try {
            ServiceReference<?>[] found =
                    context.getServiceReferences(kind.type().getName(), "(attune.name=*)");
            List<ServiceReference<P>> references = new ArrayList<>();
            if (found != null) {
                for (ServiceReference<?> r : found) {
                    if (r.getBundle() != null) {
                        references.add(cast(r));
                    }
                }
            }
            return references;
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    @SuppressWarnings("unchecked") // the reference was asked for by the class name of P
    private static <P> ServiceReference<P> cast(ServiceReference<?> reference) {
        return (ServiceReference<P>) reference;
    }

    private static int ranking(ServiceReference<?> reference) {
        return reference.getProperty("service.ranking") instanceof Integer i ? i : 0;
    }

    private static String version(ServiceReference<?> reference) {
        return reference.getBundle().getVersion().toString();
    }

    @Override
    public List<PluginInfo> list(PluginKind<?> kind) {
        return references(kind).stream()
                .sorted(Comparator.comparing(r -> (String) r.getProperty("attune.name")))
                .map(r -> info(kind, r))
                .flatMap(Optional::stream)
                .toList();
    }

    private Optional<PluginInfo> info(PluginKind<?> kind, ServiceReference<?> reference) {
        Object service = context.getService(reference);
        if (!(service instanceof Plugin<?> plugin)) {
            return Optional.empty();
        }
        try {
            String description = (String) reference.getProperty("attune.description");
            return Optional.of(new PluginInfo(
                    kind.label(),
                    (String) reference.getProperty("attune.name"),
                    version(reference),
                    description == null ? "" : description,
                    reference.getBundle().getSymbolicName(),
                    new OptionBinder().options(plugin.options())));
        } finally {
            context.ungetService(reference);
        }
    }

    private final class Lease<P extends Plugin<?>> implements PluginLease<P> {
        private final ServiceReference<P> reference;
        private final Origin origin;
        private final Runnable leaving;
        private P plugin;
        /** Set before the holder is told, so that it does not begin anew with code that is about to go. */
        private boolean going;

        Lease(PluginKind<P> kind, ServiceReference<P> reference, P plugin, Runnable leaving) {
            this.reference = reference;
            this.plugin = plugin;
            this.leaving = leaving;
            this.origin = new Origin(
                    kind.label(),
                    (String) reference.getProperty("attune.name"),
                    version(reference),
                    reference.getBundle().getSymbolicName(),
                    reference.getBundle().getLocation());
        }

        @Override
        public synchronized P plugin() {
            if (plugin == null) {
                throw new IllegalStateException("plug-in '" + origin.name() + "' is not in use");
            }
            return plugin;
        }

        @Override
        public synchronized boolean present() {
            return plugin != null && !going;
        }

        @Override
        public Origin origin() {
            return origin;
        }

        void leave() {
            synchronized (this) {
                if (plugin == null) {
                    return;
                }
                going = true;
            }
            leaving.run();
            close();
        }

        @Override
        public void close() {
            synchronized (this) {
                if (plugin == null) {
                    return;
                }
                plugin = null;
            }
            leases.remove(this);
            if (reference.getBundle() != null) {
                context.ungetService(reference);
            }
        }
    }
}
