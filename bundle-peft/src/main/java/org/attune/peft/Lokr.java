package org.attune.peft;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.attune.model.AttachPoint;
import org.attune.model.Model;
import org.attune.plugin.AttunePlugin;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.osgi.service.component.annotations.Component;

/**
 * Low-rank Kronecker products (LyCORIS, Yeh et al. 2023, arXiv 2309.14859): {@code W' = W + alpha / r (C ⊗ D)}, where a factor whose
 * longer side is above 2 r is itself a product of rank r; the first factor, or its first part, starts as zero. Which sides there are
 * and what is factored follow PEFT's code.
 *
 * <p>The parameters at a linear map {@code PATH} are {@code PATH.lokr_w1} and {@code .lokr_w2}, or {@code .lokr_w1_a},
 * {@code .lokr_w1_b} and so on where they are factored, as in PEFT.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "lokr", description = "Kronecker products as updates (LoKr)")
public final class Lokr implements Adapter<LokrOptions> {
    @Override
    public Class<LokrOptions> options() {
        return LokrOptions.class;
    }

    @Override
    public void attach(LokrOptions options, Attachment on) {
        Targets where = new Targets("lokr", options.targets(), options.selection());
        for (AttachPoint point : where.linear(on)) {
            int rows = smallerSide(point.out(), options.decomposeFactor());
            int columns = smallerSide(point.in(), options.decomposeFactor());
            boolean whole1 = !options.decomposeBoth() || 2 * options.rank() >= Math.max(rows, columns);
            int restRows = point.out() / rows;
            int restColumns = point.in() / columns;
            boolean whole2 = 2 * options.rank() >= Math.max(restRows, restColumns);
            Supplier<Tensor> c = factor(
                    on, point.path() + ".lokr_w1", rows, columns, whole1 ? 0 : options.rank(), Initializer.constant(0));
            Supplier<Tensor> d = factor(
                    on,
                    point.path() + ".lokr_w2",
                    restRows,
                    restColumns,
                    whole2 ? 0 : options.rank(),
                    Initializer.uniform(1 / Math.sqrt(whole2 ? restColumns : options.rank())));
            on.linear(
                    point.path(),
                    new WeightUpdate(() -> kronecker(c.get(), d.get()), options.alpha() / options.rank()));
        }
        where.trainWhole(on);
    }

    /** @param rank 0 for a factor that is not factored itself */
    private static Supplier<Tensor> factor(
            Attachment on, String name, int rows, int columns, int rank, Initializer first) {
        if (rank == 0) {
            Tensor whole = on.parameter(name, Shape.of(rows, columns), first);
            return () -> whole;
        }
        Tensor a = on.parameter(name + "_a", Shape.of(rows, rank), first);
        Tensor b = on.parameter(name + "_b", Shape.of(rank, columns), Initializer.uniform(1 / Math.sqrt(columns)));
        return () -> a.matmul(b);
    }

    /** {@code c ⊗ d}: rows (i, k), columns (j, l) of {@code c[i, j] d[k, l]}. */
    private static Tensor kronecker(Tensor c, Tensor d) {
        int i = c.shape().dim(0);
        int j = c.shape().dim(1);
        int k = d.shape().dim(0);
        int l = d.shape().dim(1);
        return c.reshape(i * j, 1)
                .matmul(d.reshape(1, k * l))
                .reshape(i, j, k, l)
                .permute(0, 2, 1, 3)
                .reshape(i * k, j * l);
    }

    /**
     * The smaller of two numbers whose product is n: the factor itself where it divides n, else the largest divisor up to it that
     * still brings the two nearer to each other.
     */
    static int smallerSide(int n, int factor) {
        if (factor > 0 && n % factor == 0) {
            return factor;
        }
        int most = factor == -1 ? n : factor;
        int m = 1;
        while (m < n / m) {
            int next = m + 1;
            while (n % next != 0) {
                next++;
            }
            if (next + n / next > m + n / m || next > most) {
                break;
            }
            m = next;
        }
        return Math.min(m, n / m);
    }

    @Override
    public Optional<PeftFormat<LokrOptions>> peft() {
        return Optional.of(new Format());
    }

    private static final class Format implements PeftFormat<LokrOptions> {
        @Override
        public String type() {
            return "LOKR";
        }

        @Override
        public Map<String, Object> write(LokrOptions options, Model model) {
            Map<String, Object> config = new LinkedHashMap<>();
            config.put("r", options.rank());
            config.put("alpha", PeftConfig.written(options.alpha()));
            config.put("decompose_both", options.decomposeBoth());
            config.put("decompose_factor", options.decomposeFactor());
            PeftConfig.write(config, options.targets(), options.selection(), model);
            config.put("init_weights", true);
            return config;
        }

        @Override
        public LokrOptions read(Map<String, Object> fields) {
            PeftConfig config = new PeftConfig("lokr", fields);
            config.refuseAllBut(Set.of(
                    "r",
                    "alpha",
                    "decompose_both",
                    "decompose_factor",
                    "init_weights",
                    "rank_dropout",
                    "module_dropout"));
            config.refuseDropouts("rank_dropout", "module_dropout");
            return new LokrOptions(
                    config.whole("r", 8, 1),
                    config.number("alpha", 8),
                    config.is("decompose_both"),
                    config.whole("decompose_factor", -1, -1),
                    config.targets(),
                    config.selection());
        }
    }
}
