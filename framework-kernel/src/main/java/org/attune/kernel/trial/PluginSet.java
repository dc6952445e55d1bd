package org.attune.kernel.trial;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.attune.kernel.plugins.PluginKind;
import org.attune.kernel.plugins.PluginLease;
import org.attune.kernel.plugins.PluginRegistry;
import org.attune.kernel.run.AdapterFolder;
import org.attune.kernel.spec.OptionBinder;
import org.attune.kernel.spec.PluginRef;
import org.attune.kernel.spec.TrialSpec;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.TrainerSetup;
import org.attune.kernel.step.Wiring;
import org.attune.model.Model;
import org.attune.plugin.Plugin;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.attune.training.Regularizer;
import org.attune.training.Trainer;

/**
 * The plug-ins that a trial needs in every step: its trainer, adapters and regularizers. Remembers what each had claimed, so that
 * a replacement can be held against it.
 */
final class PluginSet implements AutoCloseable {
    private final PluginRegistry registry;
    private final Path base;
    private final Runnable leaving;
    private final Wiring.Inputs inputs;
    private final Slot<Trainer<?>> trainer;
    private final List<Slot<Adapter<?>>> adapters = new CopyOnWriteArrayList<>(); // others ask which act
    private final List<Slot<Regularizer<?>>> regularizers = new ArrayList<>();

    /**
     * @param leaving told before a plug-in's code goes
     * @param inputs what enters the model's maps, for adapters that ask for it
     */
    PluginSet(PluginRegistry registry, TrialSpec spec, Runnable leaving, Wiring.Inputs inputs) {
        this.registry = registry;
        this.base = spec.base();
        this.leaving = leaving;
        this.inputs = inputs;
        this.trainer = new Slot<>(PluginKind.TRAINER, spec.trainer());
        spec.adapters().forEach(ref -> adapters.add(new Slot<>(PluginKind.ADAPTER, ref)));
        spec.regularizers().forEach(ref -> regularizers.add(new Slot<>(PluginKind.REGULARIZER, ref)));
    }

    private Stream<Slot<?>> slots() {
        return Stream.of(Stream.of(trainer), adapters.stream(), regularizers.stream())
                .flatMap(s -> s);
    }

    /** Finds the plug-ins that are not in use now. Takes service locks: never call it inside the step gate. */
    void find() {
        slots().forEach(Slot::find);
    }

    /** What is still missing, for example {@code adapter 'lora'}; empty where a session can be opened. */
    List<String> missing() {
        return slots().filter(s -> !s.present())
                .map(s -> s.kind.label() + " '" + s.ref.name() + "'")
                .toList();
    }

    List<PluginLease.Origin> origins() {
        return slots().flatMap(s -> s.origin().stream()).toList();
    }

    /**
     * Opens all plug-ins over the trial's parameters.
     *
     * @throws SwapMismatch if a replacement claims other parameters than its predecessor; the store is as it was
     */
    Session open(Model model, ParameterStore parameters, List<String> labels) {
        Wiring wiring = new Wiring(model, inputs);
        List<String> differences = new ArrayList<>();
        for (Slot<Adapter<?>> slot : adapters) {
            claim(slot, parameters, differences, claim -> {
                attach(slot.plugin(), slot.ref, wiring.attachment(claim, slot.ref.active()));
                parameters.rest(claim.claimed().keySet(), !slot.ref.active());
                slot.ref.single().ifPresent(folder -> complete(slot.ref, folder, claim));
                return null;
            });
        }
        Trainer.Objective objective = claim(
                trainer,
                parameters,
                differences,
                claim -> objective(trainer.plugin(), new TrainerSetup(claim, model, labels)));
        if (!differences.isEmpty()) {
            throw new SwapMismatch(differences);
        }
        List<Regularizer.Penalty> penalties = new ArrayList<>();
        for (Slot<Regularizer<?>> slot : regularizers) {
            penalties.add(penalty(slot.plugin(), slot.ref, new Trained(parameters, model)));
        }
        return new Session(objective, wiring, penalties);
    }

    /** The trainer's objective over a store beside the trial's own. */
    Trainer.Objective objective(Model model, ParameterStore aside, List<String> labels) {
        return objective(trainer.plugin(), new TrainerSetup(aside.claim(Optional.empty()), model, labels));
    }

    /**
     * Gives a new store what the spec's adapters begin with where these are saved ones.
     *
     * @throws UserError if two folders have a value for one parameter
     */
    void loadSaved(Model model, ParameterStore parameters) {
        SavedAdapters saved = new SavedAdapters(model);
        adapters.forEach(slot -> saved.add(slot.ref, slot.plugin()));
        parameters.restore(saved.values(), Map.of());
        parameters.restoreMerged(saved.merged());
    }

    /** Adapters that are not in use: to take the place of those that are, or having given theirs up. */
    final class Adapters implements AutoCloseable {
        private List<Slot<Adapter<?>>> slots;

        private Adapters(List<PluginRef> refs) {
            slots = refs.stream()
                    .map(ref -> new Slot<Adapter<?>>(PluginKind.ADAPTER, ref))
                    .toList();
        }

        /** Gives the plug-ins back; not inside the step gate. */
        @Override
        public void close() {
            slots.forEach(Slot::close);
        }
    }

    /**
     * Finds adapters. Takes service locks: never call it inside the step gate.
     *
     * @throws UserError if one is not installed
     */
    Adapters adapters(List<PluginRef> refs) {
        Adapters found = new Adapters(refs);
        found.slots.forEach(Slot::find);
        found.slots.stream().filter(slot -> !slot.present()).findFirst().ifPresent(gone -> {
            found.close();
            throw new UserError("adapter '" + gone.ref.name() + "' went away");
        });
        return found;
    }

    /**
     * Puts other adapters in the place of those there, over new parameters.
     *
     * @param other holds the former ones afterwards
     * @param merged the base model's weights with what the former adapters amount to; the store takes them
     * @throws UserError if they cannot be attached, or leave an example too few positions; then all is as it was
     */
    Session exchange(
            Adapters other, Map<String, Tensor> merged, Model model, ParameterStore parameters, Materials materials) {
        List<Slot<Adapter<?>>> former = List.copyOf(adapters);
        Set<String> names = new LinkedHashSet<>(merged.keySet());
        names.addAll(claimed());
        try (ParameterStore.Removed removed = parameters.remove(names)) {
            merged.forEach(parameters::merge);
            use(other.slots);
            try {
                Session session = another(model, parameters, materials, "with these adapters");
                other.slots = former;
                return session;
            } catch (RuntimeException e) {
                use(former);
                removed.restore();
                throw e;
            }
        }
    }

    /** The names of the adapters' parameters. */
    Set<String> claimed() {
        Set<String> names = new LinkedHashSet<>();
        adapters.forEach(slot -> names.addAll(slot.claimed.keySet()));
        return names;
    }

    /** The spec's adapters as they are now, by {@link PluginRef#called}. */
    List<PluginRef> refs() {
        return adapters.stream().map(slot -> slot.ref).toList();
    }

    /** The names of the adapters, and whether each acts. May be asked for on any thread. */
    Map<String, Boolean> active() {
        Map<String, Boolean> active = new LinkedHashMap<>();
        refs().forEach(ref -> active.put(ref.called(), ref.active()));
        return active;
    }

    /**
     * Switches an adapter on or off.
     *
     * @throws UserError if it cannot be, nothing would be left to train, or an example left too few positions; then all is as it was
     */
    Session activate(String name, boolean on, Model model, ParameterStore parameters, Materials materials) {
        Slot<Adapter<?>> slot = adapters.stream()
                .filter(s -> s.ref.called().equals(name))
                .findFirst()
                .orElseThrow(() -> new UserError("no adapter '" + name + "'; the trial has "
                        + refs().stream().map(PluginRef::called).collect(Collectors.joining(", "))));
        PluginRef before = slot.ref;
        slot.ref = before.active(on);
        try {
            return another(model, parameters, materials, "without adapter '" + name + "'");
        } catch (RuntimeException e) {
            slot.ref = before;
            parameters.rest(slot.claimed.keySet(), !before.active());
            throw e;
        }
    }

    /** A session with other adapters than the one before. */
    private Session another(Model model, ParameterStore parameters, Materials materials, String other) {
        Session session = open(model, parameters, materials.labels());
        materials.fit(session.wiring(), model.maxLength());
        if (parameters.trained().isEmpty()) {
            throw new UserError(other + " nothing is left to train");
        }
        return session;
    }

    private void use(List<Slot<Adapter<?>>> slots) {
        adapters.clear();
        adapters.addAll(slots);
    }

    /** @throws UserError if an adapter asks for a parameter that the folder it begins from has no value for */
    private static void complete(PluginRef ref, Path folder, ParameterStore.Claim claim) {
        if (!claim.fresh().isEmpty()) {
            throw new UserError(ref.options().place() + ": adapter '" + ref.name() + "': " + folder
                    + " has no value for " + String.join(", ", claim.fresh()));
        }
    }

    private interface Claiming<T> {
        T by(ParameterStore.Claim claim);
    }

    private static <T> T claim(
            Slot<?> slot, ParameterStore parameters, List<String> differences, Claiming<T> claiming) {
        ParameterStore.Claim claim = parameters.claim(Optional.ofNullable(slot.claimed), slot.ref.scope());
        T result = claiming.by(claim);
        claim.differences().forEach(d -> differences.add(slot.kind.label() + " '" + slot.ref.name() + "': " + d));
        if (slot.claimed == null) {
            slot.claimed = new LinkedHashMap<>(claim.claimed());
        }
        return result;
    }

    private <O extends Record> void attach(Adapter<O> adapter, PluginRef ref, Adapter.Attachment on) {
        O options = options(adapter, ref, PluginKind.ADAPTER);
        try {
            adapter.attach(options, on);
        } catch (UserError e) { // a plug-in does not know where the spec names it
            String own = ref.name() + ": "; // said once
            String said = e.getMessage().startsWith(own) ? e.getMessage().substring(own.length()) : e.getMessage();
            throw new UserError(ref.options().place() + ": adapter '" + ref.name() + "': " + said, e);
        }
    }

    private <O extends Record> Trainer.Objective objective(Trainer<O> t, Trainer.Setup setup) {
        return t.open(options(t, trainer.ref, PluginKind.TRAINER), setup);
    }

    private <O extends Record> Regularizer.Penalty penalty(
            Regularizer<O> regularizer, PluginRef ref, Regularizer.Setup setup) {
        return regularizer.open(options(regularizer, ref, PluginKind.REGULARIZER), setup);
    }

    private <O extends Record> O options(Plugin<O> plugin, PluginRef ref, PluginKind<?> kind) {
        return options(plugin, ref, kind, base);
    }

    /** The options of a plug-in as the spec gives them. */
    static <O extends Record> O options(Plugin<O> plugin, PluginRef ref, PluginKind<?> kind, Path base) {
        return new OptionBinder().bind(ref, kind.label(), plugin.options(), base);
    }

    /** The PEFT forms of the adapters that have one, by {@link PluginRef#called}; each has the trainer's head too. */
    Map<String, AdapterFolder.PeftForm> peftForms(Model model, ParameterStore parameters, long steps) {
        Map<String, AdapterFolder.PeftForm> forms = new LinkedHashMap<>();
        for (Slot<Adapter<?>> slot : adapters) {
            Set<String> others = adapters.stream()
                    .filter(other -> other != slot)
                    .flatMap(other -> other.claimed.keySet().stream())
                    .filter(name -> !slot.claimed.containsKey(name))
                    .collect(Collectors.toSet());
            Adapter.Trained trained = new Adapter.Trained(
                    own(parameters.all(), slot.ref, others), own(parameters.states(), slot.ref, others), steps);
            peftForm(slot.plugin(), slot.ref, model, trained).ifPresent(form -> forms.put(slot.ref.called(), form));
        }
        return forms;
    }

    /** Tensors as an adapter calls them, without those of the others. */
    private static Map<String, Tensor> own(Map<String, Tensor> tensors, PluginRef ref, Set<String> others) {
        Map<String, Tensor> own = new LinkedHashMap<>();
        tensors.forEach((name, t) -> {
            if (!others.contains(name)) {
                ref.scope().own(name).ifPresent(plain -> own.put(plain, t));
            }
        });
        return own;
    }

    private <O extends Record> Optional<AdapterFolder.PeftForm> peftForm(
            Adapter<O> adapter, PluginRef ref, Model model, Adapter.Trained trained) {
        O options = options(adapter, ref, PluginKind.ADAPTER);
        return adapter.peft()
                .map(f -> new AdapterFolder.PeftForm(
                        f.type(),
                        f.write(options, model, trained),
                        f.tensors(options, trained),
                        name -> f.inFile(name, model)));
    }

    /** The adapters with their options, for a folder that PEFT has no form for. */
    List<AdapterFolder.Part> adapters() {
        return adapters.stream().map(slot -> part(slot.plugin(), slot.ref)).toList();
    }

    private <O extends Record> AdapterFolder.Part part(Adapter<O> adapter, PluginRef ref) {
        return AdapterFolder.Part.of(ref, new OptionBinder().describe(options(adapter, ref, PluginKind.ADAPTER)));
    }

    @Override
    public void close() {
        slots().forEach(Slot::close);
    }

    /** One plug-in of the spec and, while it is there, its service. */
    private final class Slot<P extends Plugin<?>> {
        private final PluginKind<P> kind;
        private volatile PluginRef ref;
        private PluginLease<P> lease;
        private Map<String, Shape> claimed;

        Slot(PluginKind<P> kind, PluginRef ref) {
            this.kind = kind;
            this.ref = ref;
        }

        void find() {
            if (!present()) {
                lease = registry.find(kind, ref, leaving).orElse(null);
            }
        }

        boolean present() {
            return lease != null && lease.present();
        }

        P plugin() {
            return lease.plugin();
        }

        Optional<PluginLease.Origin> origin() {
            return Optional.ofNullable(lease).map(PluginLease::origin);
        }

        void close() {
            if (lease != null) {
                lease.close();
            }
        }
    }

    private record Trained(ParameterStore store, Model model) implements Regularizer.Setup {
        @Override
        public List<String> names() {
            return store.trainable();
        }

        @Override
        public Tensor parameter(String name) {
            return store.find(name).orElseThrow(() -> new IllegalArgumentException("no trainable tensor " + name));
        }

        @Override
        public boolean pretrained(String name) {
            return model.weights().containsKey(name);
        }

        @Override
        public Tensor start(String name) {
            return store.start(name);
        }
    }

    /** A replacement asks for other parameters than the code that it replaces. */
    static final class SwapMismatch extends RuntimeException {
        private static final long serialVersionUID = 1L;

        SwapMismatch(List<String> differences) {
            super(String.join("; ", differences));
        }
    }
}
