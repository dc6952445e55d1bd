package org.attune.kernel.spec;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.attune.plugin.Option;

/** How gradients become updates; each record by its name in a spec. What they compute is in {@code org.attune.kernel.optim}. */
public sealed interface Optimizer {
    /** The peak learning rate. */
    double lr();

    double weightDecay();

    /** Whether it has a momentum that a schedule can move: Adam's and Lion's {@code beta1} count as such. */
    default boolean hasMomentum() {
        return true;
    }

    /** All of them by name, the default first. */
    Map<String, Class<? extends Record>> KINDS = kinds();

    private static Map<String, Class<? extends Record>> kinds() {
        Map<String, Class<? extends Record>> kinds = new LinkedHashMap<>();
        kinds.put("adamw", AdamW.class);
        kinds.put("adam", Adam.class);
        kinds.put("sgd", Sgd.class);
        kinds.put("rmsprop", RmsProp.class);
        kinds.put("adafactor", Adafactor.class);
        kinds.put("lion", Lion.class);
        return Collections.unmodifiableMap(kinds);
    }

    /** A decay of 1 never forgets the zero that it starts from. */
    private static void below1(String names, double... decays) {
        for (double decay : decays) {
            if (decay == 1) {
                throw new IllegalArgumentException(names + " must be below 1");
            }
        }
    }

    /** AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101); with {@code amsgrad} as Reddi et al. 2018 (arXiv 1904.09237) have it. */
    record AdamW(
            @Option(value = "peak learning rate", defaults = "1e-3", min = 0)
            double lr,

            @Option(value = "decay of the mean of gradients, a step", defaults = "0.9", min = 0, max = 1)
            double beta1,

            @Option(value = "decay of the mean of squared gradients, a step", defaults = "0.999", min = 0, max = 1)
            double beta2,

            @Option(value = "added to the root of the second moment", defaults = "1e-8", min = 0)
            double eps,

            @Option(value = "decoupled weight decay, times the learning rate a step", defaults = "0.01", min = 0)
            double weightDecay,

            @Option(value = "divide by the largest second moment so far", defaults = "false")
            boolean amsgrad)
            implements Optimizer {
        public AdamW {
            below1("beta1 and beta2", beta1, beta2);
        }

        public AdamW(double lr, double beta1, double beta2, double eps, double weightDecay) {
            this(lr, beta1, beta2, eps, weightDecay, false);
        }
    }

    /** Adam (Kingma and Ba 2015, arXiv 1412.6980). */
    record Adam(
            @Option(value = "peak learning rate", defaults = "1e-3", min = 0)
            double lr,

            @Option(value = "decay of the mean of gradients, a step", defaults = "0.9", min = 0, max = 1)
            double beta1,

            @Option(value = "decay of the mean of squared gradients, a step", defaults = "0.999", min = 0, max = 1)
            double beta2,

            @Option(value = "added to the root of the second moment", defaults = "1e-8", min = 0)
            double eps,

            @Option(value = "times the parameter, added to the gradient", defaults = "0", min = 0)
            double weightDecay,

            @Option(value = "divide by the largest second moment so far", defaults = "false")
            boolean amsgrad)
            implements Optimizer {
        public Adam {
            below1("beta1 and beta2", beta1, beta2);
        }
    }

    /** Stochastic gradient descent, with momentum or Nesterov's (Sutskever et al. 2013, in PyTorch's form). */
    record Sgd(
            @Option(value = "peak learning rate", defaults = "1e-3", min = 0)
            double lr,

            @Option(value = "decay of the sum of gradients, a step; 0 for none", defaults = "0", min = 0, max = 1)
            double momentum,

            @Option(
                    value = "a gradient is multiplied by 1 less this before it is added",
                    defaults = "0",
                    min = 0,
                    max = 1)
            double dampening,

            @Option(value = "look one step of momentum ahead", defaults = "false")
            boolean nesterov,

            @Option(value = "times the parameter, added to the gradient", defaults = "0", min = 0)
            double weightDecay)
            implements Optimizer {
        public Sgd {
            if (nesterov && (momentum == 0 || dampening != 0)) {
                throw new IllegalArgumentException("nesterov needs a momentum above 0 and no dampening");
            }
        }

        @Override
        public boolean hasMomentum() {
            return momentum > 0;
        }
    }

    /** RMSprop (Hinton's lecture of 2012), with momentum and centred (Graves 2013, arXiv 1308.0850) where asked. */
    record RmsProp(
            @Option(value = "peak learning rate", defaults = "1e-3", min = 0)
            double lr,

            @Option(value = "decay of the mean of squared gradients, a step", defaults = "0.99", min = 0, max = 1)
            double alpha,

            @Option(value = "added to the root of that mean", defaults = "1e-8", min = 0)
            double eps,

            @Option(value = "decay of the sum of updates, a step; 0 for none", defaults = "0", min = 0, max = 1)
            double momentum,

            @Option(value = "take the square of the mean gradient off the mean of squares", defaults = "false")
            boolean centered,

            @Option(value = "times the parameter, added to the gradient", defaults = "0", min = 0)
            double weightDecay)
            implements Optimizer {
        public RmsProp {
            below1("alpha", alpha);
        }

        @Override
        public boolean hasMomentum() {
            return momentum > 0;
        }
    }

    /** Adafactor (Shazeer and Stern 2018, arXiv 1804.04235): of a matrix's second moments the means of rows and columns are kept. */
    record Adafactor(
            @Option(value = "peak learning rate", defaults = "1e-3", min = 0)
            double lr,

            @Option(value = "whose form: transformers' or torch's", defaults = "transformers")
            Form form,

            @Option(value = "multiply by the root mean square of the parameter", defaults = "true")
            boolean scaleParameter,

            @Option(value = "decay of the mean of updates, a step; 0 for none", defaults = "0", min = 0, max = 1)
            double beta1,

            @Option(value = "decoupled weight decay, times the learning rate a step", defaults = "0", min = 0)
            double weightDecay)
            implements Optimizer {
        /** Whose computation. */
        public enum Form {
            /** With {@code relative_step=False}: the learning rate is the one given. */
            TRANSFORMERS,
            /** {@code torch.optim.Adafactor}: the learning rate is at most 1 / sqrt(step), and the decay is not scaled. */
            TORCH
        }

        public Adafactor {
            below1("beta1", beta1);
            if (form == Form.TORCH && (beta1 > 0 || !scaleParameter)) {
                throw new IllegalArgumentException("torch's form has no beta1 and always scales by the parameter");
            }
        }

        @Override
        public boolean hasMomentum() {
            return false;
        }
    }

    /** Lion (Chen et al. 2023, arXiv 2302.06675). */
    record Lion(
            @Option(value = "peak learning rate", defaults = "1e-4", min = 0)
            double lr,

            @Option(value = "weight of the mean of gradients in the direction", defaults = "0.9", min = 0, max = 1)
            double beta1,

            @Option(value = "decay of the mean of gradients, a step", defaults = "0.99", min = 0, max = 1)
            double beta2,

            @Option(value = "decoupled weight decay, times the learning rate a step", defaults = "0", min = 0)
            double weightDecay)
            implements Optimizer {
        public Lion {
            below1("beta2", beta2);
        }
    }
}
