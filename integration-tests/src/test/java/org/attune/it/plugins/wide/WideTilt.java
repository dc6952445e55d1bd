package org.attune.it.plugins.wide;

import java.util.List;
import org.attune.model.AttachPoint;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.NoOptions;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.osgi.service.component.annotations.Component;

/** The tilt with parameters of another shape, and one more. */
@Component(service = Adapter.class)
@AttunePlugin(name = "tilt", description = "scales queries by one number")
public final class WideTilt implements Adapter<NoOptions> {
    @Override
    public Class<NoOptions> options() {
        return NoOptions.class;
    }

    @Override
    public void attach(NoOptions options, Attachment on) {
        for (AttachPoint point : on.match(AttachPoint.Kind.LINEAR, List.of("query"))) {
            Tensor scale = on.parameter(point.path() + ".tilt", Shape.of(1), Initializer.constant(1));
            Tensor shift = on.parameter(point.path() + ".tilt_shift", Shape.of(point.out()), Initializer.constant(0));
            on.linear(
                    point.path(),
                    (forward, x, inner) -> inner.apply(x).mul(scale).add(shift));
        }
    }
}
