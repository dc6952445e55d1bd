package org.attune.models.hub;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.attune.model.DownloadListener;
import org.attune.model.Model;
import org.attune.model.ModelLoader;
import org.attune.model.WeightForm;
import org.attune.models.source.FolderModelLoader;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.tensor.engine.TensorEngine;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;

/**
 * Loads {@code hf:org/name[@revision]}: from Hugging Face's cache on this machine without asking anybody where the model is there,
 * else from the hub, into the same cache.
 */
@Component(property = "osgi.ds.satisfying.condition.target=(osgi.condition.id=attune.natives.tokenizers)")
@AttunePlugin(name = "hub", description = "models from the Hugging Face hub or its cache on this machine: hf:org/name")
public final class HubModelLoader implements ModelLoader {
    private static final long MILLIS_BETWEEN_LOOKS = 200;

    /** Read at each use, so that a mistake in the environment is told to whoever asks for a model of a hub, and to nobody else. */
    private final Supplier<HubSettings> environment;

    private final FolderModelLoader folders = new FolderModelLoader();

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    private volatile List<DownloadListener> listeners = List.of();

    @Activate
    public HubModelLoader() {
        this.environment = () -> HubSettings.of(System::getenv, Path.of(System.getProperty("user.home")));
    }

    HubModelLoader(HubSettings settings, DownloadListener... listeners) {
        this.environment = () -> settings;
        this.listeners = List.of(listeners);
    }

    @Override
    public Optional<Model> load(String source, Path base, TensorEngine engine, WeightForm form) {
        if (!source.startsWith(HubSource.SCHEME)) {
            return Optional.empty();
        }
        return folders.load(folder(HubSource.parse(source)).toString(), base, engine, form);
    }

    @Override
    public Optional<Map<String, byte[]>> files(String source, Path base) {
        return source.startsWith(HubSource.SCHEME)
                ? folders.files(folder(HubSource.parse(source)).toString(), base)
                : Optional.empty();
    }

    /** The model's folder in the cache, which is filled first if need be. */
    Path folder(HubSource source) {
        HubSettings settings = environment.get();
        HubCache cache = new HubCache(settings.cache(), source);
        Optional<Path> there = present(cache, source);
        if (there.isPresent()) {
            return there.get();
        }
        if (settings.offline()) {
            throw new UserError(source + ": is not, or not wholly, in the cache " + settings.cache()
                    + ", and HF_HUB_OFFLINE forbids to download it");
        }
        try {
            HubCache.Lock lock = lock(cache, source);
            try {
                return present(cache, source) // another process may have brought it meanwhile
                        .orElseGet(() -> cache.snapshot(downloaded(cache, settings, source)));
            } finally {
                lock.close();
            }
        } catch (IOException e) {
            throw UserError.cannot("write", settings.cache(), e);
        }
    }

    /** The commit that has come. */
    private String downloaded(HubCache cache, HubSettings settings, HubSource source) {
        HubDownload.Watch watch = (file, done, total) -> tell(source + " " + file, done, total);
        return new HubDownload(source, settings, cache, watch).run();
    }

    private static Optional<Path> present(HubCache cache, HubSource source) {
        return cache.commit(source.revision()).filter(cache::complete).map(cache::snapshot);
    }

    private HubCache.Lock lock(HubCache cache, HubSource source) throws IOException {
        Optional<HubCache.Lock> lock = cache.tryLock();
        while (lock.isEmpty()) {
            if (!tell(source + " (another process downloads it)", 0, 0)) {
                throw new UserError(source + ": stopped waiting for the process that downloads it");
            }
            try {
                Thread.sleep(MILLIS_BETWEEN_LOOKS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new UserError(source + ": interrupted while another process downloads it", e);
            }
            lock = cache.tryLock();
        }
        return lock.get();
    }

    /** Whether all want to go on. */
    private boolean tell(String what, long done, long total) {
        boolean on = true;
        for (DownloadListener listener : listeners) {
            on &= listener.downloading(what, done, total);
        }
        return on;
    }
}
