package org.attune.peft.freezing;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.attune.kernel.optim.GradientClipping;
import org.attune.kernel.optim.Pace;
import org.attune.kernel.optim.Updater;
import org.attune.kernel.spec.Optimizer;
import org.attune.kernel.step.Course;
import org.attune.kernel.step.Optimisation;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.Session;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Stepper;
import org.attune.kernel.step.Wiring;
import org.attune.kernel.step.Workers;
import org.attune.model.AttachPoint;
import org.attune.model.Forward;
import org.attune.model.Model;
import org.attune.tensor.Tensor;
import org.attune.tensor.engine.TensorEngine;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.testkit.plugin.SumOfSquares;
import org.attune.testkit.plugin.TestModel;
import org.attune.training.Adapter;
import org.attune.training.Sample;

/** An embedding, four linear layers and one above them, trained with one adapter; tells which weights each step has changed. */
final class Stack implements AutoCloseable {
    static final int LAYERS = 4;

    private final Model model;
    private final ParameterStore parameters;
    private final Workers workers = new Workers(1, "stack");
    private final Stepper stepper;
    private final Updater optimizer;
    private final Optimisation optimisation;
    private final Session session;
    private long step;

    <O extends Record> Stack(Adapter<O> adapter, O options, Course course) {
        ReferenceEngine engine = new ReferenceEngine();
        model = new Maps(engine);
        parameters = new ParameterStore(engine, model, 3);
        Wiring wiring = new Wiring(model);
        adapter.attach(options, wiring.attachment(parameters.claim(Optional.empty())));
        stepper = new Stepper(engine, model, parameters, workers, new StepSettings(1, 1000, 3));
        optimizer = new Updater(new Optimizer.AdamW(0.1, 0, 0, 1e-12, 0), workers);
        optimisation = new Optimisation(
                stepper, parameters, optimizer, GradientClipping.NONE, Optional.empty(), workers, course);
        session = new Session(new SumOfSquares(model), wiring, List.of());
    }

    /** The names of the weights that the next step changes, by how much its largest element moves. */
    Map<String, Double> step() {
        Map<String, double[]> before = new LinkedHashMap<>();
        parameters.all().forEach((name, t) -> before.put(name, t.toDoubles()));
        optimisation.before(session, step);
        Sample sample = new Sample(0, new int[] {0, 1, 2, 3, 4}, new int[5], new int[] {0});
        optimisation.step(session, List.of(sample), step++, Pace.PEAK);
        Map<String, Double> moved = new LinkedHashMap<>();
        parameters.all().forEach((name, t) -> {
            double[] now = t.toDoubles();
            double most = IntStream.range(0, now.length)
                    .mapToDouble(i -> Math.abs(now[i] - before.get(name)[i]))
                    .max()
                    .orElseThrow();
            if (most > 0) {
                moved.put(name, most);
            }
        });
        return moved;
    }

    /** The lowest part that each of so many steps changes: -1 for the embedding, then layers, then what is above. */
    List<Integer> lowest(int steps) {
        List<Integer> lowest = new ArrayList<>();
        for (int s = 0; s < steps; s++) {
            Set<String> moved = new LinkedHashSet<>(step().keySet());
            int low = IntStream.range(-1, LAYERS + 1)
                    .filter(l -> moved.contains(name(l)))
                    .findFirst()
                    .orElseThrow();
            IntStream.range(low, LAYERS + 1).forEach(l -> {
                if (!moved.contains(name(l))) {
                    throw new AssertionError("there is a gap: " + moved);
                }
            });
            lowest.add(low);
        }
        return lowest;
    }

    static String name(int part) {
        return part < 0
                ? "model.embed.weight"
                : part == LAYERS ? "model.last.weight" : "model.layers." + part + ".map.weight";
    }

    @Override
    public void close() {
        stepper.close();
        optimizer.close();
        parameters.close();
        workers.close();
        model.close();
    }

    private static final class Maps extends TestModel {
        Maps(TensorEngine engine) {
            super(engine, 3, 8);
            add("model.embed.weight", 0, 1, 5, 3);
            for (int l = 0; l < LAYERS; l++) {
                add("model.layers." + l + ".map.weight", 0, 1, 3, 3);
            }
            add("model.last.weight", 0, 1, 3, 3);
        }

        @Override
        public List<AttachPoint> attachPoints() {
            List<AttachPoint> points = new ArrayList<>();
            points.add(new AttachPoint("model.embed", AttachPoint.Kind.EMBEDDING, 5, 3));
            for (int l = 0; l < LAYERS; l++) {
                points.add(new AttachPoint("model.layers." + l + ".map", AttachPoint.Kind.LINEAR, 3, 3));
            }
            points.add(new AttachPoint("model.last", AttachPoint.Kind.LINEAR, 3, 3));
            return points;
        }

        @Override
        public Tensor encode(Forward forward) {
            Tensor x = forward.embedding("model.embed", forward.batch().ids());
            for (int l = 0; l < LAYERS; l++) {
                x = forward.linear("model.layers." + l + ".map", x).tanh();
            }
            return forward.linear("model.last", x);
        }
    }
}
