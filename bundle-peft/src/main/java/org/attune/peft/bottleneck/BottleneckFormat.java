package org.attune.peft.bottleneck;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.attune.model.Model;
import org.attune.peft.PeftConfig;
import org.attune.training.Adapter.PeftFormat;

/** Adapters with plain matrices in {@code adapter_config.json}. */
public final class BottleneckFormat<O extends Record> implements PeftFormat<O> {
    private final String method;
    private final Placement placement;
    private final Function<O, Settings> settings;
    private final Function<Settings, O> options;

    /** @param method the adapter's name */
    public BottleneckFormat(
            String method, Placement placement, Function<O, Settings> settings, Function<Settings, O> options) {
        this.method = method;
        this.placement = placement;
        this.settings = settings;
        this.options = options;
    }

    @Override
    public String type() {
        return BottleneckConfig.TYPE;
    }

    @Override
    public Map<String, Object> write(O given, Model model) {
        return BottleneckConfig.write(method, placement, settings.apply(given), Optional.empty(), model);
    }

    @Override
    public O read(Map<String, Object> fields) {
        BottleneckConfig config = new BottleneckConfig(new PeftConfig(method, fields));
        config.refuseAllBut(Set.of());
        config.require(placement);
        return options.apply(placement == Placement.PARALLEL ? config.settings() : config.constantScaling());
    }
}
