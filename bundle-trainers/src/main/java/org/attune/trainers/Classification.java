package org.attune.trainers;

import java.util.Map;
import org.attune.model.Model;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Initializer;
import org.attune.training.Trainer;
import org.osgi.service.component.annotations.Component;

/**
 * Classification of whole texts: cross-entropy of a linear head over one vector a sequence. The head is the model's own where
 * its weights hold one for as many labels, and is trained from there; else a new one under the same names, its weight normal
 * with standard deviation 0.02 as in BERT, its bias, where the family's head has one, 0. Where the family's head has layers before
 * the last, they are part of it.
 *
 * <p>Examples have the fields {@code text} and {@code label}.
 */
@Component(service = Trainer.class)
@AttunePlugin(name = "classification", description = "cross-entropy of a linear head over each text")
public final class Classification implements Trainer<ClassificationOptions> {
    @Override
    public Class<ClassificationOptions> options() {
        return ClassificationOptions.class;
    }

    @Override
    public Objective open(ClassificationOptions options, Setup setup) {
        if (options.dropout() >= 1) {
            throw new UserError("classification: dropout is " + options.dropout() + "; it must be below 1");
        }
        if (setup.labels().size() < 2) {
            throw new UserError("classification: the training data has "
                    + setup.labels().size() + " label(s) " + setup.labels() + "; at least 2 are needed to tell apart");
        }
        claimHead(setup);
        return new ClassificationObjective(options, setup.model(), setup.labels());
    }

    private static void claimHead(Setup setup) {
        Model model = setup.model();
        int hidden = model.hiddenSize();
        for (String layer : model.classifierLayers()) {
            claim(setup, layer, Shape.of(hidden, hidden), true);
        }
        claim(setup, model.classifierPath(), Shape.of(setup.labels().size(), hidden), model.classifierBias());
    }

    /** The model's own map where it has one of this shape, else a new one. */
    private static void claim(Setup setup, String path, Shape shape, boolean withBias) {
        String weight = path + ".weight";
        String bias = path + ".bias";
        Map<String, Tensor> weights = setup.model().weights();
        if (weights.containsKey(weight) && weights.get(weight).shape().equals(shape)) {
            setup.train(weight);
            if (weights.containsKey(bias)) {
                setup.train(bias);
            }
        } else {
            setup.parameter(weight, shape, Initializer.normal(0.02));
            if (withBias) {
                setup.parameter(bias, Shape.of(shape.dim(0)), Initializer.constant(0));
            }
        }
    }
}
