package org.attune.it.plugins.tilt;

import java.util.List;
import org.attune.model.AttachPoint;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.NoOptions;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.osgi.service.component.annotations.Component;

/** An adapter to be swapped: scales the output of every query map by a learnt vector. */
@Component(service = Adapter.class)
@AttunePlugin(name = "tilt", description = "scales queries")
public final class Tilt implements Adapter<NoOptions> {
    @Override
    public Class<NoOptions> options() {
        return NoOptions.class;
    }

    @Override
    public void attach(NoOptions options, Attachment on) {
        for (AttachPoint point : on.match(AttachPoint.Kind.LINEAR, List.of("query"))) {
            Tensor scale = on.parameter(point.path() + ".tilt", Shape.of(point.out()), Initializer.constant(1));
            on.linear(point.path(), (forward, x, inner) -> inner.apply(x).mul(scale));
        }
    }
}
