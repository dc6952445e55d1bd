package org.attune.kernel.step;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.attune.kernel.spec.AdapterScope;
import org.attune.model.Model;
import org.attune.plugin.UserError;
import org.attune.tensor.Rng;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.training.Initializer;
import org.attune.training.Parameters;

/**
 * A trial's own tensors by name, those it trains and those it only keeps. They outlive the code of the plug-ins that asked for them: a swapped plug-in claims them
 * again by name. Not thread-safe; changed only between steps.
 */
public final class ParameterStore implements AutoCloseable {
    private final TensorEngine engine;
    private final Model model;
    private final Rng rng;
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();
    /** Never trained. */
    private final Set<String> constants = new HashSet<>();
    /** Made to be trained, but not trained now. */
    private final Set<String> frozen = new LinkedHashSet<>();
    /** Of adapters that are switched off. */
    private final Set<String> resting = new HashSet<>();

    private final Map<String, Tensor> derived = new LinkedHashMap<>();
    private final Map<String, Tensor> starts = new LinkedHashMap<>();
    private final Map<String, Tensor> states = new LinkedHashMap<>();
    private final Map<String, double[]> restored = new LinkedHashMap<>();
    private final Map<String, double[]> restoredStarts = new LinkedHashMap<>();
    private final Map<String, double[]> restoredStates = new LinkedHashMap<>();
    private long changes;
    /** Stand-ins for what a replacement asks for and its predecessor had not: they live until the trial has ended. */
    private final List<Tensor> strangers = new ArrayList<>();

    /** @param seed decides the first values */
    public ParameterStore(TensorEngine engine, Model model, long seed) {
        this.engine = engine;
        this.model = model;
        this.rng = Rng.of(seed).at("init");
    }

    /**
     * Values of an earlier sitting.
     *
     * @param values what parameters take in place of their initial values when they are claimed
     * @param startValues what {@link #start} gives
     */
    public void restore(Map<String, double[]> values, Map<String, double[]> startValues) {
        restored.putAll(values);
        restoredStarts.putAll(startValues);
    }

    /** What plug-ins remembered in an earlier sitting. */
    public void restoreStates(Map<String, double[]> values) {
        restoredStates.putAll(values);
    }

    /** All tensors, in order of their making: what is saved. */
    public Map<String, Tensor> all() {
        return Collections.unmodifiableMap(tensors);
    }

    /** Those of {@link #all} that are trained now. */
    public Map<String, Tensor> trained() {
        Map<String, Tensor> trained = new LinkedHashMap<>(tensors);
        trained.keySet().removeIf(name -> !isTrained(name));
        return Collections.unmodifiableMap(trained);
    }

    /** Names of what is trained now or was before it was frozen. */
    public List<String> trainable() {
        return tensors.keySet().stream()
                .filter(name -> !constants.contains(name))
                .toList();
    }

    /** Whether a tensor is trained now. */
    boolean isTrained(String name) {
        return tensors.containsKey(name)
                && !constants.contains(name)
                && !frozen.contains(name)
                && !resting.contains(name);
    }

    public Optional<Tensor> find(String name) {
        return Optional.ofNullable(tensors.get(name));
    }

    /** Whether something inside the module at {@code path} is trained now. */
    boolean trains(String path) {
        return tensors.keySet().stream()
                .anyMatch(name -> AdapterScope.plain(name).startsWith(path + ".") && isTrained(name));
    }

    /** How many numbers are trained at some time. */
    public long count() {
        return trainable().stream()
                .mapToLong(name -> tensors.get(name).shape().size())
                .sum();
    }

    // ---- what is trained changes ----

    /**
     * Stops training a tensor, or trains it again.
     *
     * @return whether that is a change
     * @throws IllegalArgumentException if it was not made to be trained
     */
    boolean train(String name, boolean on) {
        if (!tensors.containsKey(name) || constants.contains(name)) {
            throw new IllegalArgumentException("no trainable tensor " + name);
        }
        boolean changed = on ? frozen.remove(name) : frozen.add(name);
        if (changed) {
            tensors.get(name).train(isTrained(name));
            changes++;
        }
        return changed;
    }

    /**
     * Switches what an adapter has claimed off or on. What is off keeps its value and is not trained, whether or not it is frozen too.
     *
     * @param names others than the base model's weights
     */
    public void rest(Collection<String> names, boolean off) {
        if (off ? resting.addAll(names) : resting.removeAll(names)) {
            names.stream()
                    .filter(name -> tensors.containsKey(name) && !constants.contains(name))
                    .forEach(name -> tensors.get(name).train(isTrained(name)));
            changes++;
        }
    }

    /** What was made to be trained and is frozen now, in order of freezing. */
    Set<String> frozenNow() {
        return Collections.unmodifiableSet(frozen);
    }

    /** Grows whenever something is frozen or trained again. */
    long changes() {
        return changes;
    }

    // ---- methods that take another's place ----

    /** Tensors that were taken out of the store, for good or to be put back. */
    public final class Removed implements AutoCloseable {
        private final List<Map<String, Tensor>> of =
                List.of(new LinkedHashMap<>(), new LinkedHashMap<>(), new LinkedHashMap<>(), new LinkedHashMap<>());

        private final Set<String> never = new HashSet<>();
        private final Set<String> stopped = new LinkedHashSet<>();
        private final Set<String> rested = new HashSet<>();
        private final Set<String> remaining = new HashSet<>();

        /** Puts them back; what has been made since is freed. */
        public void restore() {
            Set<String> since = new LinkedHashSet<>();
            kinds().forEach(kind -> since.addAll(kind.keySet()));
            since.removeAll(remaining);
            remove(since).close();
            for (int i = 0; i < of.size(); i++) {
                kinds().get(i).putAll(of.get(i));
                of.get(i).clear();
            }
            constants.addAll(never);
            frozen.addAll(stopped);
            resting.addAll(rested);
            changes++;
        }

        /** Frees those that were not put back. */
        @Override
        public void close() {
            of.forEach(kind -> kind.values().forEach(Tensor::close));
        }
    }

    private List<Map<String, Tensor>> kinds() {
        return List.of(tensors, states, derived, starts);
    }

    /** Takes out what plug-ins have claimed under these names. */
    public Removed remove(Set<String> names) {
        Removed removed = new Removed();
        for (String name : names) {
            for (int i = 0; i < kinds().size(); i++) {
                take(name, kinds().get(i), removed.of.get(i));
            }
            if (constants.remove(name)) {
                removed.never.add(name);
            }
            if (frozen.remove(name)) {
                removed.stopped.add(name);
            }
            if (resting.remove(name)) {
                removed.rested.add(name);
            }
        }
        kinds().forEach(kind -> removed.remaining.addAll(kind.keySet()));
        changes++;
        return removed;
    }

    private static void take(String name, Map<String, Tensor> from, Map<String, Tensor> to) {
        Tensor t = from.remove(name);
        if (t != null) {
            to.put(name, t);
        }
    }

    /**
     * Gives a weight of the base model another value in this trial, which is kept and saved but not trained unless a plug-in asks for
     * that.
     *
     * @param value is the store's from now on
     */
    public void merge(String weight, Tensor value) {
        Tensor before = tensors.put(weight, value);
        if (before != null) {
            before.close();
        }
        constants.add(weight);
        changes++;
    }

    /** The weights of the base model that have another value and are not trained. */
    public Set<String> merged() {
        Set<String> names = new LinkedHashSet<>(constants);
        names.retainAll(model.weights().keySet());
        return names;
    }

    /** Takes values that {@link #merge} had given in an earlier sitting out of those restored. */
    public void restoreMerged(Collection<String> weights) {
        for (String weight : weights) {
            double[] values = restored.remove(weight);
            Tensor base = model.weights().get(weight);
            if (values == null || base == null || values.length != base.shape().size()) {
                throw new UserError("no value is saved that fits the merged weight '" + weight + "'");
            }
            Tensor own = Tensor.zeros(engine, base.shape(), base.dtype());
            own.set(values);
            merge(weight, own);
        }
    }

    /** The value of a tensor when this was first asked for, in this sitting or an earlier one of the run. */
    public Tensor start(String name) {
        return starts.computeIfAbsent(name, n -> {
            double[] values = restoredStarts.remove(n);
            if (values == null) {
                return require(n).keep();
            }
            Tensor t = Tensor.zeros(engine, require(n).shape());
            t.set(values);
            return t;
        });
    }

    /** Start values asked for so far: they belong into a checkpoint. */
    public Map<String, Tensor> starts() {
        return Collections.unmodifiableMap(starts);
    }

    /** What plug-ins remember: it belongs into a checkpoint, and not into what is saved at the end. */
    public Map<String, Tensor> states() {
        return Collections.unmodifiableMap(states);
    }

    /** Names of restored parameters that no plug-in has claimed. */
    public Set<String> unclaimed() {
        return Collections.unmodifiableSet(restored.keySet());
    }

    private Tensor require(String name) {
        Tensor t = tensors.get(name);
        if (t == null) {
            throw new IllegalArgumentException("no trainable tensor " + name + "; there are " + tensors.keySet());
        }
        return t;
    }

    /**
     * A claim of one plug-in. At the first claim it makes parameters; at a later one, after a swap, it only finds them.
     *
     * @param before the names and shapes that the plug-in's predecessor had claimed; empty for the first claim
     */
    public Claim claim(Optional<Map<String, Shape>> before) {
        return claim(before, AdapterScope.PLAIN);
    }

    /** As above, by an adapter that has a name in the trial. */
    public Claim claim(Optional<Map<String, Shape>> before, AdapterScope scope) {
        return new Claim(before, scope);
    }

    @Override
    public void close() {
        tensors.values().forEach(Tensor::close);
        derived.values().forEach(Tensor::close);
        starts.values().forEach(Tensor::close);
        states.values().forEach(Tensor::close);
        strangers.forEach(Tensor::close);
        tensors.clear();
        derived.clear();
        starts.clear();
        states.clear();
        strangers.clear();
    }

    /** What one plug-in asks for. */
    public final class Claim implements Parameters {
        private final Optional<Map<String, Shape>> before;
        private final AdapterScope scope;
        private final Map<String, Shape> claimed = new LinkedHashMap<>();
        private final Set<String> fresh = new LinkedHashSet<>();

        private Claim(Optional<Map<String, Shape>> before, AdapterScope scope) {
            this.before = before;
            this.scope = scope;
        }

        AdapterScope scope() {
            return scope;
        }

        /** The trial's name of a tensor that the plug-in names: its own, or a weight of the base model. */
        String kept(String name) {
            String own = scope.in(name);
            return claimed.containsKey(own) ? own : name;
        }

        @Override
        public Tensor parameter(String own, Shape shape, Initializer initializer) {
            String name = scope.in(own);
            return take(name, shape, () -> initializer.values(shape, rng.at(name)));
        }

        @Override
        public Tensor frozen(String own, Shape shape, Initializer initializer) {
            String name = scope.in(own);
            constants.add(name);
            return take(name, shape, () -> initializer.values(shape, rng.at(name)));
        }

        @Override
        public Tensor state(String own, Shape shape) {
            String name = scope.in(own);
            claimed.put(name, shape);
            Tensor known = states.get(name);
            if (known != null && known.shape().equals(shape)) {
                return known;
            }
            if (known != null && before.isPresent()) {
                return stranger(shape);
            }
            if (known != null) {
                throw new UserError("the state '" + name + "' is claimed with shape " + shape + " and with shape "
                        + known.shape() + ": two plug-ins use one name");
            }
            Tensor made = Tensor.zeros(engine, shape);
            states.put(name, made);
            double[] values = restoredStates.remove(name);
            if (values != null) {
                made.set(checked(name, shape, values));
            }
            return made;
        }

        @Override
        public Tensor derived(String own, Shape shape, Initializer initializer) {
            String name = scope.in(own);
            claimed.put(name, shape);
            Tensor known = derived.get(name);
            if (known == null) {
                known = Tensor.zeros(engine, shape);
                derived.put(name, known);
                known.set(initializer.values(shape, rng.at(name)));
            }
            if (!known.shape().equals(shape)) {
                throw new UserError(
                        "constant '" + name + "' is asked for with shape " + shape + " and is " + known.shape());
            }
            return known;
        }

        @Override
        public Tensor train(String weight) {
            Tensor base = model.weights().get(weight);
            if (base == null) {
                throw new UserError("the model has no weight '" + weight + "'; the nearest names are "
                        + nearest(weight, model.weights().keySet()));
            }
            if (merged().contains(weight)) { // which is what the training begins from
                try (Tensor own = tensors.remove(weight)) {
                    constants.remove(weight);
                    double[] values = own.toDoubles();
                    return take(weight, base.shape(), () -> values);
                }
            }
            return take(weight, base.shape(), base::toDoubles);
        }

        /** How many numbers there are for a parameter, or were when it was first asked for. */
        long known(String own) {
            String name = scope.in(own);
            if (tensors.containsKey(name)) {
                return fresh.contains(name) ? 0 : tensors.get(name).shape().size();
            }
            return restored.containsKey(name) ? restored.get(name).length : 0;
        }

        /** A saved value of this name is not a parameter's. */
        void follows(String name) {
            restored.remove(scope.in(name));
        }

        private Tensor take(String name, Shape shape, Supplier<double[]> first) {
            claimed.put(name, shape);
            Tensor known = tensors.get(name);
            if (known != null && known.shape().equals(shape)) {
                return known;
            }
            if (before.isPresent()) { // a difference that differences() will list; the claim goes on to find the others
                return stranger(shape);
            }
            if (known != null) {
                throw new UserError("parameter '" + name + "' is claimed with shape " + shape + " and with shape "
                        + known.shape() + ": two plug-ins use one name");
            }
            double[] values = restored.remove(name);
            if (values == null) {
                fresh.add(name);
            }
            Tensor made = Tensor.zeros(engine, shape);
            made = constants.contains(name) ? made : made.trainable();
            tensors.put(name, made); // first of all: whatever fails below, the store closes it
            made.set(values != null ? checked(name, shape, values) : first.get());
            return made;
        }

        private Tensor stranger(Shape shape) {
            Tensor stranger = Tensor.zeros(engine, shape);
            strangers.add(stranger);
            return stranger;
        }

        private double[] checked(String name, Shape shape, double[] values) {
            if (values.length != shape.size()) {
                throw new UserError("there are " + values.length + " saved numbers for '" + name
                        + "', the plug-in asks for " + shape);
            }
            return values;
        }

        /** Those that this claim made with their initial values, as there was nothing to restore. */
        public Set<String> fresh() {
            return Collections.unmodifiableSet(fresh);
        }

        /** Names and shapes of this claim. */
        public Map<String, Shape> claimed() {
            return claimed;
        }

        /** What this claim asks for otherwise than its predecessor, a line each; empty where all is the same. */
        public List<String> differences() {
            if (before.isEmpty()) {
                return List.of();
            }
            List<String> lines = new ArrayList<>();
            new TreeMap<>(before.get()).forEach((name, shape) -> {
                if (!claimed.containsKey(name)) {
                    lines.add(name + " " + shape + ": no longer asked for");
                } else if (!claimed.get(name).equals(shape)) {
                    lines.add(name + ": was " + shape + ", is now " + claimed.get(name));
                }
            });
            new TreeMap<>(claimed).forEach((name, shape) -> {
                if (!before.get().containsKey(name)) {
                    lines.add(name + " " + shape + ": new");
                }
            });
            return lines;
        }
    }

    static String nearest(String name, Collection<String> names) {
        String last = name.substring(name.lastIndexOf('.') + 1);
        List<String> alike =
                names.stream().filter(n -> n.endsWith(last)).limit(5).toList();
        return String.join(", ", alike.isEmpty() ? names.stream().limit(5).toList() : alike);
    }
}
