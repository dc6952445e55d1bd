package org.attune.kernel.plugins;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BiPredicate;
import org.attune.model.Model;
import org.attune.model.ModelLoader;
import org.attune.model.NewModel;
import org.attune.model.WeightForm;
import org.attune.model.Weights;
import org.attune.plugin.UserError;
import org.attune.tensor.engine.TensorEngine;
import org.attune.trial.Catalogue.ModelInfo;

/**
 * Base models in memory, shared by all trials that use the same source on the same engine in the
 * same form. A model stays for the next trial after
 * its last user has gone, until its engine or its loader goes. A model in use is freed by its last user, never under its feet.
 * Thread-safe.
 */
public final class ModelPool implements AutoCloseable {
    private final List<ModelLoader> loaders = new CopyOnWriteArrayList<>();
    private final Map<Key, Entry> entries = new LinkedHashMap<>();

    private record Key(String source, TensorEngine engine, WeightForm form) {}

    private static final class Entry {
        private final Model model;
        private final ModelLoader loader;
        private int users;
        /** No longer in the pool: the last user frees it. */
        private boolean dropped;

        Entry(Model model, ModelLoader loader) {
            this.model = model;
            this.loader = loader;
        }

        void drop() {
            dropped = true;
            freeIfUnused();
        }

        void release() {
            users--;
            freeIfUnused();
        }

        private void freeIfUnused() {
            if (dropped && users == 0) {
                model.close();
            }
        }
    }

    public void add(ModelLoader loader) {
        loaders.add(loader);
    }

    /** Takes a loader away, and with it the models it has made: they are its code, and its successor makes them anew. */
    public void remove(ModelLoader loader) {
        loaders.remove(loader);
        drop((key, entry) -> entry.loader == loader);
    }

    /**
     * The model of a source; loaded by the first user.
     *
     * @param form how its weights are held
     * @throws UserError if no loader knows the source, or it is broken
     */
    public synchronized Lease acquire(String source, Path base, TensorEngine engine, WeightForm form) {
        String name =
                source.contains(":") ? source : base.resolve(source).normalize().toString();
        Key key = new Key(name, engine, form);
        Entry entry = entries.get(key);
        if (entry == null) {
            entry = read(source, base, engine, form);
            entries.put(key, entry);
        }
        entry.users++;
        return new Lease(key, entry);
    }

    /**
     * The model of a source for one use, which nobody else gets; the caller closes it.
     *
     * @throws UserError if no loader knows the source, or it is broken
     */
    public Model load(String source, Path base, TensorEngine engine, WeightForm form) {
        return read(source, base, engine, form).model;
    }

    private Entry read(String source, Path base, TensorEngine engine, WeightForm form) {
        for (ModelLoader loader : loaders) {
            Optional<Model> model = loader.load(source, base, engine, form);
            if (model.isPresent()) {
                return new Entry(model.get(), loader);
            }
        }
        throw new UserError("model '" + source + "': nothing here can load that; expected a folder with config.json, "
                + "model.safetensors and tokenizer.json, hf:org/name, or maven:group:artifact");
    }

    /**
     * Makes a model that knows nothing yet in a folder.
     *
     * @throws UserError if nothing here makes models, or the plan asks for what is not supported
     */
    public void create(NewModel plan, Iterable<String> texts, Path folder) {
        if (loaders.stream().noneMatch(loader -> loader.create(plan, texts, folder))) {
            throw new UserError("model: nothing here can make a new one; start Attune with its bundle of models");
        }
    }

    /** The models in memory. */
    public synchronized List<ModelInfo> list() {
        List<ModelInfo> infos = new ArrayList<>();
        entries.forEach((key, entry) -> infos.add(new ModelInfo(
                key.source(),
                entry.model.family(),
                key.engine().name(),
                written(key.form()),
                parameters(entry.model),
                entry.model.fingerprint(),
                entry.users)));
        return infos;
    }

    private static String written(WeightForm form) {
        String type = form.matrices().name().toLowerCase(Locale.ROOT);
        return form.weights() == Weights.DECODED
                ? type
                : type + " and " + form.weights().written();
    }

    private static long parameters(Model model) {
        return model.weights().values().stream()
                .mapToLong(t -> t.shape().size())
                .sum();
    }

    /** Frees the models of an engine. */
    public void clear(TensorEngine engine) {
        drop((key, entry) -> key.engine() == engine);
    }

    /** Frees all models. */
    @Override
    public void close() {
        drop((key, entry) -> true);
    }

    private synchronized void drop(BiPredicate<Key, Entry> which) {
        entries.entrySet().removeIf(e -> {
            if (!which.test(e.getKey(), e.getValue())) {
                return false;
            }
            e.getValue().drop();
            return true;
        });
    }

    /** A model in use. */
    public final class Lease implements AutoCloseable {
        private final Key key;
        private Entry entry;

        private Lease(Key key, Entry entry) {
            this.key = key;
            this.entry = entry;
        }

        public Model model() {
            return entry.model;
        }

        /** What stands beside the weights; see {@link ModelLoader#files}. */
        public Optional<Map<String, byte[]>> files() {
            return entry.loader.files(key.source(), Path.of(""));
        }

        /** The source as resolved. */
        public String source() {
            return key.source();
        }

        /** Nobody else shall find this model any more: what it was made from is about to change. */
        public void retire() {
            drop((k, e) -> k.equals(key));
        }

        @Override
        public void close() {
            synchronized (ModelPool.this) {
                if (entry != null) {
                    entry.release();
                    entry = null;
                }
            }
        }
    }
}
