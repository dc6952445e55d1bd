package org.attune.peft;

import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import org.attune.model.AttachPoint;
import org.attune.model.LinearTransform;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.attune.training.OptimizerGroup;
import org.attune.training.Weighting;
import org.osgi.service.component.annotations.Component;

/**
 * Low-rank adaptation (Hu et al. 2021, arXiv 2106.09685): {@code y = W x + b + s B A drop(x)} with the base W [out, in] and b
 * frozen, A [rank, in] uniform on ±1/sqrt(in) and B [out, rank] zero, so that training starts from the base model exactly. The
 * scale s is alpha / rank, or alpha / sqrt(rank) in the rank-stabilised form (Kalajdzievski 2023, arXiv 2312.03732).
 *
 * <p>A and B may begin as a part of W itself, of which the rest is then the frozen base (PiSSA, OLoRA: {@link Decomposition}), and A
 * as the directions in which the map's inputs vary most, with ranks that follow from them ({@link Eva}).
 *
 * <p>Ranks and scales may differ by map; biases and whole modules of the base model may be trained beside the updates, as PEFT's
 * {@code rank_pattern}, {@code alpha_pattern}, {@code bias} and {@code modules_to_save} say.
 *
 * <p>LoRA+ (Hayou et al. 2024, arXiv 2402.12354) is the same map with another learning rate for B, here and in PEFT for every
 * one-dimensional parameter too; biases and norms then get no weight decay.
 *
 * <p>The parameters at a linear map {@code PATH} are {@code PATH.lora_A.weight} and {@code PATH.lora_B.weight}, as in PEFT.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "lora", description = "low-rank updates of linear maps (LoRA, rank-stabilised LoRA, LoRA+)")
public final class Lora implements Adapter<LoraOptions> {
    @Override
    public Class<LoraOptions> options() {
        return LoraOptions.class;
    }

    @Override
    public void attach(LoraOptions options, Attachment on) {
        attach(options, on, (point, update) -> update);
    }

    /** @param transform what becomes of the update at a map */
    void attach(LoraOptions asked, Attachment on, BiFunction<AttachPoint, LowRankUpdate, LinearTransform> transform) {
        asked.check();
        Targets where = asked.where();
        List<AttachPoint> named = where.linear(on);
        Optional<Eva> eva =
                asked.init() == LoraOptions.Start.EVA ? Optional.of(Eva.of(asked, named, on)) : Optional.empty();
        LoraOptions options = eva.map(found -> asked.withRanks(found.ranks())).orElse(asked);
        List<AttachPoint> points = named.stream()
                .filter(point -> eva.isEmpty() || eva.get().ranks().get(point.path()) > 0)
                .toList();
        for (AttachPoint point : points) {
            Supplier<Decomposition> part = eva.<Supplier<Decomposition>>map(found -> () -> found.first(point))
                    .orElseGet(() -> decomposition(options, point, on));
            if (options.init().ofTheWeight()) {
                on.linear(point.path(), taken(options, point, part, on));
            }
            on.linear(point.path(), transform.apply(point, update(options, point, part, on)));
        }
        on.weights().stream()
                .filter(weight -> trained(weight, options.bias(), points))
                .forEach(on::train);
        where.trainWhole(on);
        if (options.loraplusRatio() != 1) {
            on.groups((name, shape) -> loraPlus(name, shape, options.loraplusRatio()));
        }
    }

    /** As PEFT's {@code create_loraplus_optimizer} groups a trial's parameters, those of the head too. */
    private static OptimizerGroup loraPlus(String name, Shape shape, double ratio) {
        if (shape.rank() > 1) {
            return OptimizerGroup.rate(name.contains("lora_B") ? ratio : 1);
        }
        boolean plain = name.endsWith(".bias") || name.endsWith(".weight"); // of a norm
        return plain ? OptimizerGroup.rate(ratio).undecayed() : OptimizerGroup.rate(ratio);
    }

    private static boolean trained(String weight, LoraOptions.Bias bias, List<AttachPoint> points) {
        return switch (bias) {
            case NONE -> false;
            case ALL -> weight.endsWith(".bias");
            case LORA_ONLY -> points.stream().anyMatch(p -> weight.equals(p.path() + ".bias"));
        };
    }

    private static LowRankUpdate update(
            LoraOptions options, AttachPoint point, Supplier<Decomposition> part, Attachment on) {
        String path = point.path();
        int rank = options.rank(path);
        Initializer a = switch (options.init()) {
            // Kaiming's uniform bound sqrt(6 / ((1 + a²) in)) for a = sqrt 5, which PyTorch gives linear layers
            // and PEFT gives A.
            case DEFAULT -> Initializer.uniform(1 / Math.sqrt(point.in()));
            case GAUSSIAN -> Initializer.normal(1.0 / rank);
            case PISSA, OLORA, EVA -> (shape, rng) -> part.get().a();
        };
        Initializer b =
                options.init().ofTheWeight() ? (shape, rng) -> part.get().b() : Initializer.constant(0);
        return new LowRankUpdate(
                path + ".lora_dropout",
                on.parameter(path + ".lora_A.weight", Shape.of(rank, point.in()), a),
                on.parameter(path + ".lora_B.weight", Shape.of(point.out(), rank), b),
                options.scale(path),
                options.dropout());
    }

    /** What the update begins as, taken off the base: a constant of the same rank costs less than a changed copy of the weight. */
    private static LowRankUpdate taken(
            LoraOptions options, AttachPoint point, Supplier<Decomposition> part, Attachment on) {
        String path = point.path();
        int rank = options.rank(path);
        return new LowRankUpdate(
                path + ".lora_start",
                on.derived(
                        path + ".lora_A0",
                        Shape.of(rank, point.in()),
                        (shape, rng) -> part.get().a()),
                on.derived(
                        path + ".lora_B0",
                        Shape.of(point.out(), rank),
                        (shape, rng) -> part.get().b()),
                -options.scale(path),
                0);
    }

    /** Computed when it is first asked for, which is never where a run goes on. */
    private static Supplier<Decomposition> decomposition(LoraOptions options, AttachPoint point, Attachment on) {
        String path = point.path();
        int rank = options.rank(path);
        if (options.init().ofTheWeight() && rank > Math.min(point.in(), point.out())) {
            throw new UserError("lora: rank is " + rank + ", more than " + path + " [" + point.out() + ", " + point.in()
                    + "] has, a part of which init takes");
        }
        Decomposition[] made = new Decomposition[1];
        return () -> {
            if (made[0] == null) {
                double[] weight = on.weight(path + ".weight").toDoubles();
                made[0] = options.init() == LoraOptions.Start.PISSA
                        ? Decomposition.principal(weight, point.out(), point.in(), rank, options.scale(path))
                        : Decomposition.orthonormal(weight, point.out(), point.in(), rank);
            }
            return made[0];
        };
    }

    @Override
    public Optional<PeftFormat<LoraOptions>> peft() {
        return Optional.of(new LoraFormat("lora"));
    }

    @Override
    public Optional<Weighting> weighting() {
        return Optional.of(new LoraWeighting());
    }
}
