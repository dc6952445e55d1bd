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
import org.osgi.framework.Bundle;
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
        return offers(kind).stream()
                .filter(o -> ref.name().equals(o.name()))
                .filter(o -> ref.version().isEmpty() || o.is(ref.version().get()))
                .max(Comparator.<Offer<P>, Integer>comparing(Offer::ranking)
                        .thenComparing(o -> o.bundle().getVersion()))
                .flatMap(o -> lease(kind, o, leaving));
    }

    private <P extends Plugin<?>> Optional<PluginLease<P>> lease(PluginKind<P> kind, Offer<P> offer, Runnable leaving) {
        P plugin = context.getService(offer.reference());
        if (plugin == null) {
            return Optional.empty();
        }
        Lease<P> lease = new Lease<>(kind, offer, plugin, leaving);
        leases.add(lease);
        // A service that goes away is out of the registry before its event: either it is still there now, and the event
        // will
        // find the lease, or the event may have come too early for it.
        if (!offers(kind).contains(offer)) {
            lease.close();
            return Optional.empty();
        }
        return Optional.of(lease);
    }

    /** A service with its bundle, which the reference forgets as soon as the service has gone. */
    private record Offer<P>(ServiceReference<P> reference, Bundle bundle) {
        String name() {
            return (String) reference.getProperty("attune.name");
        }

        String version() {
            return bundle.getVersion().toString();
        }

        /** Whether this is version {@code asked}, or one of those that begin with it: 1.2.3 is 1.2, and 1.20.0 is not. */
        boolean is(String asked) {
            return version().equals(asked) || version().startsWith(asked + ".");
        }

        int ranking() {
            return reference.getProperty("service.ranking") instanceof Integer i ? i : 0;
        }
    }

    private <P extends Plugin<?>> List<Offer<P>> offers(PluginKind<P> kind) {
        try {
            ServiceReference<?>[] found =
                    context.getServiceReferences(kind.type().getName(), "(attune.name=*)");
            List<Offer<P>> offers = new ArrayList<>();
            if (found != null) {
                for (ServiceReference<?> r : found) {
                    Bundle bundle = r.getBundle();
                    if (bundle != null) {
                        offers.add(new Offer<>(cast(r), bundle));
                    }
                }
            }
            return offers;
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    @SuppressWarnings("unchecked") // the reference was asked for by the class name of P
    private static <P> ServiceReference<P> cast(ServiceReference<?> reference) {
        return (ServiceReference<P>) reference;
    }

    @Override
    public List<PluginInfo> list(PluginKind<?> kind) {
        return offers(kind).stream()
                .sorted(Comparator.comparing(Offer::name))
                .map(o -> info(kind, o))
                .flatMap(Optional::stream)
                .toList();
    }

    private Optional<PluginInfo> info(PluginKind<?> kind, Offer<?> offer) {
        Object service = context.getService(offer.reference());
        if (!(service instanceof Plugin<?> plugin)) {
            return Optional.empty();
        }
        try {
            String description = (String) offer.reference().getProperty("attune.description");
            return Optional.of(new PluginInfo(
                    kind.label(),
                    offer.name(),
                    offer.version(),
                    description == null ? "" : description,
                    offer.bundle().getSymbolicName(),
                    new OptionBinder().options(plugin.options())));
        } finally {
            context.ungetService(offer.reference());
        }
    }

    private final class Lease<P extends Plugin<?>> implements PluginLease<P> {
        private final ServiceReference<P> reference;
        private final Origin origin;
        private final Runnable leaving;
        private P plugin;
        /** Set before the holder is told, so that it does not begin anew with code that is about to go. */
        private boolean going;

        Lease(PluginKind<P> kind, Offer<P> offer, P plugin, Runnable leaving) {
            this.reference = offer.reference();
            this.plugin = plugin;
            this.leaving = leaving;
            this.origin = new Origin(
                    kind.label(),
                    offer.name(),
                    offer.version(),
                    offer.bundle().getSymbolicName(),
                    offer.bundle().getLocation());
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
