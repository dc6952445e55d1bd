package org.attune.kernel.step;

import java.util.List;
import org.attune.model.Model;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Initializer;
import org.attune.training.Parameters;
import org.attune.training.Trainer;

/** What a trainer builds on. */
public record TrainerSetup(Parameters parameters, Model model, List<String> labels) implements Trainer.Setup {
    @Override
    public Tensor parameter(String name, Shape shape, Initializer initializer) {
        return parameters.parameter(name, shape, initializer);
    }

    @Override
    public Tensor frozen(String name, Shape shape, Initializer initializer) {
        return parameters.frozen(name, shape, initializer);
    }

    @Override
    public Tensor state(String name, Shape shape) {
        return parameters.state(name, shape);
    }

    @Override
    public Tensor derived(String name, Shape shape, Initializer initializer) {
        return parameters.derived(name, shape, initializer);
    }

    @Override
    public Tensor train(String weight) {
        return parameters.train(weight);
    }
}
