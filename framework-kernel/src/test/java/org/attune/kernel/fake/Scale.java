package org.attune.kernel.fake;

import java.util.List;
import org.attune.model.AttachPoint;
import org.attune.plugin.Option;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.attune.training.Initializer;

/** Learns a factor for each output of the query maps, behind dropout. */
public final class Scale implements Adapter<Scale.Options> {
    private final int width;

    /** @param dropout of the scaled output */
    public record Options(
            @Option(value = "dropout", defaults = "0.1", min = 0, max = 1)
            double dropout) {}

    public Scale() {
        this(TinyModel.HIDDEN);
    }

    /** @param width of the factor: one that is not the model's makes an adapter that does not fit its predecessor */
    public Scale(int width) {
        this.width = width;
    }

    @Override
    public Class<Options> options() {
        return Options.class;
    }

    @Override
    public void attach(Options options, Attachment on) {
        for (AttachPoint point : on.match(AttachPoint.Kind.LINEAR, List.of("query"))) {
            Tensor factor = on.parameter(point.path() + ".scale", Shape.of(width), Initializer.normal(0.3));
            on.linear(
                    point.path(),
                    (forward, x, inner) ->
                            inner.apply(x).add(forward.dropout(point.path(), x.mul(factor), options.dropout())));
        }
    }

    /** The same adapter as its next version might be: it does not know the options of the one before. */
    public static final class Renamed implements Adapter<Renamed.Options> {
        /** @param rate of dropout */
        public record Options(
                @Option(value = "dropout", defaults = "0.1") double rate) {}

        @Override
        public Class<Options> options() {
            return Options.class;
        }

        @Override
        public void attach(Options options, Attachment on) {
            throw new AssertionError("its options are wrong");
        }
    }
}
