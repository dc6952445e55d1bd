package org.attune.kernel.plugins;

import java.util.List;
import org.attune.data.DataSource;
import org.attune.evaluation.Baseline;
import org.attune.evaluation.Metric;
import org.attune.plugin.Plugin;
import org.attune.training.Adapter;
import org.attune.training.Regularizer;
import org.attune.training.Sampler;
import org.attune.training.Trainer;

/**
 * A kind of plug-in.
 *
 * @param type the service interface
 * @param label what people call it
 */
public record PluginKind<P extends Plugin<?>>(Class<P> type, String label) {
    public static final PluginKind<Trainer<?>> TRAINER = of(Trainer.class, "trainer");
    public static final PluginKind<Adapter<?>> ADAPTER = of(Adapter.class, "adapter");
    public static final PluginKind<DataSource<?>> DATA = of(DataSource.class, "data source");
    public static final PluginKind<Regularizer<?>> REGULARIZER = of(Regularizer.class, "regularizer");
    public static final PluginKind<Sampler<?>> SAMPLER = of(Sampler.class, "sampler");
    public static final PluginKind<Metric<?>> METRIC = of(Metric.class, "metric");
    public static final PluginKind<Baseline<?>> BASELINE = of(Baseline.class, "baseline");

    /** All kinds, in the order in which people think of them. */
    public static final List<PluginKind<?>> ALL =
            List.of(TRAINER, ADAPTER, REGULARIZER, DATA, SAMPLER, METRIC, BASELINE);

    @SuppressWarnings("unchecked") // a raw service class stands for all its parameterisations
    private static <P extends Plugin<?>> PluginKind<P> of(Class<?> type, String label) {
        return new PluginKind<>((Class<P>) type, label);
    }
}
