package org.attune.training;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import org.attune.model.AttachPoint;
import org.attune.model.AttentionPrefix;
import org.attune.model.LinearNames;
import org.attune.model.LinearTransform;
import org.attune.model.Model;
import org.attune.model.OutputTransform;
import org.attune.model.ResidualTransform;
import org.attune.model.VirtualTokens;
import org.attune.plugin.Plugin;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.osgi.annotation.versioning.ConsumerType;
import org.osgi.annotation.versioning.ProviderType;

/** Decides what is trainable and how the forward pass is altered at attach points. The loss is not its business. */
@ConsumerType
public interface Adapter<O extends Record> extends Plugin<O> {
    /**
     * Claims attach points and parameters. Called when a trial starts, and again by the new code when this plug-in was swapped:
     * the same names must then be asked for with the same shapes.
     */
    void attach(O options, Attachment on);

    /** How this method is written in the Hugging Face PEFT format; empty where that format lacks it. */
    default Optional<PeftFormat<O>> peft() {
        return Optional.empty();
    }

    /** How this method is made of adapters that were trained before; empty where it is not. */
    default Optional<Composition<O>> composition() {
        return Optional.empty();
    }

    /** How several saved adapters of this method become one; empty where they do not. */
    default Optional<Weighting> weighting() {
        return Optional.empty();
    }

    /** The side of a trial that an adapter works on. */
    @ProviderType
    interface Attachment extends Parameters {
        /** The model's attach points, in forward order. */
        List<AttachPoint> points();

        /** The names of the base model's weights, in file order; a trainer's head is not among them. */
        List<String> weights();

        /**
         * A weight of the base model, to be read while attaching: for first values that depend on it.
         *
         * @throws IllegalArgumentException if the model has no such weight
         */
        Tensor weight(String name);

        /** The linear maps of the base model without its heads, those for classes and for the vocabulary, in forward order. */
        List<AttachPoint> allLinear();

        /**
         * The points of one kind that targets name: a target matches a path that equals it or ends in {@code .target}; a single
         * target that is none of these is a regular expression for the whole path. Of linear maps {@link LinearNames parts} may be named.
         *
         * @throws org.attune.plugin.UserError if a target matches nothing; it lists what there is
         */
        List<AttachPoint> match(AttachPoint.Kind kind, List<String> targets);

        /** What linear maps are called in the model. */
        LinearNames linearNames();

        /** Wraps the linear map at {@code path}; adapters of one point compose in the order of their claims. */
        void linear(String path, LinearTransform transform);

        /** Wraps the output of the block, norm or embedding at {@code path}. */
        void output(String path, OutputTransform transform);

        /** Adds to the residual sum at {@code path}. */
        void residual(String path, ResidualTransform transform);

        /**
         * Leaves dropout out of those stages of the model in which nothing is trained and no adapter acts, so that what they give can be
         * kept from one epoch to the next.
         */
        void withoutDropout();

        /** Adds a scalar to the mean loss of each step, made with recorded operations on the adapter's parameters. */
        void penalty(Supplier<Tensor> penalty);

        /**
         * Gives some of the trial's parameters a learning rate or a weight decay of their own, those of the trainer too. The rates of
         * several rules for one parameter are multiplied; of their weight decays the last counts.
         *
         * @param rule asked before each update for each trained parameter, by name and shape
         */
        void groups(BiFunction<String, Shape, OptimizerGroup> rule);

        /** Calls {@code listener} at each optimiser step. */
        void eachStep(StepListener listener);

        /** Puts keys and values before those of each sequence in the attention at {@code path}; several stand in the order of their claims. */
        void attention(String path, AttentionPrefix prefix);

        /**
         * Has every layer compute all tokens of a sequence, for an adapter that reads sequences as a whole.
         *
         * @param padded also padding up to the longest sequence of a step or of an evaluation's pass, which no token sees, as where
         *     batches are padded; a result depends on what is computed beside it then
         * @throws org.attune.plugin.UserError if the model's tokens see those before them alone: they would see later ones by it
         */
        void wholeSequences(boolean padded);

        /** Puts virtual tokens before those of each sequence; several stand in the order of their claims. */
        void prompt(VirtualTokens tokens);

        /**
         * The embedding of the model's tokens.
         *
         * @throws org.attune.plugin.UserError if it has none
         */
        AttachPoint words();

        /** The tokens of a text, special ones included, for first values. */
        int[] encode(String text);

        /** Lets the positions of tokens begin so much further on, as if as many stood before them. */
        void shiftPositions(int by);

        /**
         * How many numbers there are for a parameter that was asked for before, or that an earlier sitting or a saved adapter that the
         * trial begins from has; 0 where there is no value yet.
         */
        long known(String name);

        /**
         * Shows what enters linear maps: batches of training examples go through the model without adapters, in an order that the seed
         * decides, until the observer has seen enough. For first values that depend on the data; where values are {@link #known} it is not
         * to be called, for a saved adapter is also read where there is no data.
         *
         * @param paths of linear maps
         * @throws org.attune.plugin.UserError if there are no training examples here
         */
        void observe(Collection<String> paths, Observer observer);

        /**
         * Says of a tensor that a saved adapter has for other programs that it follows from parameters: it is none, and not read.
         *
         * @see PeftFormat#tensors
         */
        void follows(String name);
    }

    /** Sees inputs of linear maps, all on one thread. */
    interface Observer {
        /**
         * Of one batch.
         *
         * @param path of the map
         * @param x [rows, in], a row for each token of the batch that the loss counts where the map reads all tokens; the same object
         *     where a map reads what the one before it read; it lives until this returns
         */
        void input(String path, Tensor x);

        /** Whether another batch is wanted; asked before each. */
        boolean more();
    }

    /**
     * The translation to {@code adapter_config.json}. Parameter names are the same on both sides, but for the prefix
     * {@code base_model.model.} that PEFT puts before the module path, and {@code base_layer} after the path of an adapted module
     * where its own weights are meant.
     */
    interface PeftFormat<O extends Record> {
        /** {@code peft_type}, for example {@code LORA}. */
        String type();

        /**
         * The fields of the configuration that this method owns. {@code modules_to_save} may be among them; the kernel adds a head
         * that the trainer has trained.
         */
        Map<String, Object> write(O options, Model model);

        /** As above, where fields depend on what the trial has made of the adapter. */
        default Map<String, Object> write(O options, Model model, Trained trained) {
            return write(options, model);
        }

        /** The tensors to write, by our names; what is made for it lives in the scope that is open. */
        default Map<String, Tensor> tensors(O options, Trained trained) {
            return trained.parameters();
        }

        /**
         * The name of a parameter in files, before what PEFT puts in front of all names: its own, unless PEFT has another.
         * What {@code ln_tuning_layers} and {@code base_layer} hold there is read as the module's own either way.
         */
        default String inFile(String name, Model model) {
            return name;
        }

        /**
         * The options that a configuration states.
         *
         * @param config the whole of adapter_config.json
         * @throws UnsupportedMethod if it asks for something that this adapter does not do
         */
        O read(Map<String, Object> config);
    }

    /**
     * What a trial has made of an adapter.
     *
     * @param parameters all tensors of the trial that are saved, the trainer's too
     * @param states what methods remember, by the names that they gave
     * @param steps of the whole trial
     */
    record Trained(Map<String, Tensor> parameters, Map<String, Tensor> states, long steps) {}

    /** A method over saved adapters, which a spec names by {@code from: {NAME: FOLDER, ...}}. */
    interface Composition<O extends Record> {
        /**
         * The options that follow from the adapters' configurations; all others have their defaults.
         *
         * @param parts the whole of each adapter_config.json, by the names in the spec, in its order
         * @throws UnsupportedMethod if one of them is not what this method can be made of
         */
        O options(Map<String, Map<String, Object>> parts);

        /**
         * What this method calls a parameter of one of them; empty for one that it has no use for.
         *
         * @param part the adapter's name in the spec
         * @param parameter its name in that adapter
         */
        Optional<String> name(String part, String parameter);
    }

    /** A PEFT configuration asks for a variant that the adapter does not have. */
    class UnsupportedMethod extends RuntimeException {
        private static final long serialVersionUID = 1L;

        /** @param message names the field and its value */
        public UnsupportedMethod(String message) {
            super(message);
        }
    }
}
