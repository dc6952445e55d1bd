package org.attune.training;

import java.util.List;
import java.util.Optional;
import org.attune.plugin.Plugin;
import org.attune.tensor.Tensor;
import org.osgi.annotation.versioning.ConsumerType;
import org.osgi.annotation.versioning.ProviderType;

/** Adds to the loss, or changes gradients, to keep old knowledge or stability. */
@ConsumerType
public interface Regularizer<O extends Record> extends Plugin<O> {
    /** Prepares the regularizer for a trial; called again when the plug-in was swapped. */
    Penalty open(O options, Setup setup);

    /** What a regularizer sees: the trainable tensors by name. */
    @ProviderType
    interface Setup {
        /** Names of the trainable tensors, in order of their making. */
        List<String> names();

        Tensor parameter(String name);

        /** Whether a trainable tensor is a weight of the base model, trained from its pretrained value, rather than a new one. */
        boolean pretrained(String name);

        /** The value of a trainable tensor when the trial began; a constant that the kernel keeps from the first call on. */
        Tensor start(String name);
    }

    /** The regularizer of one trial. Both methods are called once a step, on one thread. */
    interface Penalty {
        /** A scalar added to the step's mean loss, made with recorded operations on the trainable tensors. */
        default Optional<Tensor> loss() {
            return Optional.empty();
        }

        /** Changes the step's gradients in place, after they are complete and before they are clipped. */
        default void gradients(GradientView gradients) {}
    }

    /** The gradients of a step. */
    @ProviderType
    interface GradientView {
        /** The gradient of a trainable tensor; {@link Tensor#set} changes it. */
        Tensor of(String name);
    }
}
