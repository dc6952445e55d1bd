package org.attune.it.plugins.steep;

import java.util.List;
import org.attune.model.AttachPoint;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.NoOptions;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.osgi.service.component.annotations.Component;

/** The tilt with the same parameters and another forward pass: it scales four times as much. */
@Component(service = Adapter.class)
@AttunePlugin(name = "tilt", description = "scales queries, steeply")
public final class SteepTilt implements Adapter<NoOptions> {
    @Override
    public Class<NoOptions> options() {
        return NoOptions.class;
    }

    @Override
    public void attach(NoOptions options, Attachment on) {
        for (AttachPoint point : on.match(AttachPoint.Kind.LINEAR, List.of("query"))) {
            Tensor scale = on.parameter(point.path() + ".tilt", Shape.of(point.out()), Initializer.constant(1));
            on.linear(
                    point.path(),
                    (forward, x, inner) -> inner.apply(x).mul(scale).mul(4));
        }
    }
}
