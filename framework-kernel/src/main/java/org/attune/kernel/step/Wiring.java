package org.attune.kernel.step;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.attune.kernel.spec.AdapterScope;
import org.attune.model.AttachPoint;
import org.attune.model.AttachPoint.Kind;
import org.attune.model.AttentionPrefix;
import org.attune.model.LanguageHead;
import org.attune.model.LinearNames;
import org.attune.model.LinearTransform;
import org.attune.model.Model;
import org.attune.model.OutputTransform;
import org.attune.model.ResidualTransform;
import org.attune.model.VirtualTokens;
import org.attune.plugin.UserError;
import org.attune.tensor.Shape;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter;
import org.attune.training.Initializer;
import org.attune.training.OptimizerGroup;
import org.attune.training.StepListener;

/**
 * What a trial's adapters do at the model's attach points. Dropping a wiring detaches all its adapters and restores the model
 * exactly, for the model itself is never touched.
 */
public final class Wiring {
    private final Model model;
    private final Inputs inputs;
    private final Map<String, List<LinearTransform>> linear = new HashMap<>();
    private final Map<String, List<OutputTransform>> outputs = new HashMap<>();
    private final Map<String, List<ResidualTransform>> residuals = new HashMap<>();
    private final List<Supplier<Tensor>> penalties = new ArrayList<>();
    private final List<BiFunction<String, Shape, OptimizerGroup>> groups = new ArrayList<>();
    private final List<StepListener> listeners = new ArrayList<>();
    private boolean calm;
    private final Map<String, List<AttentionPrefix>> prefixes = new HashMap<>();
    private final List<VirtualTokens> prompts = new ArrayList<>();
    private int shift;
    private boolean wholeSequences;
    private boolean padded;

    /** Where adapters see what enters linear maps: {@link Adapter.Attachment#observe}. */
    @FunctionalInterface
    public interface Inputs {
        void observe(Collection<String> paths, Adapter.Observer observer);
    }

    /** Of adapters whose values are known. */
    public Wiring(Model model) {
        this(model, (paths, observer) -> {
            throw new UserError(
                    "its first values come from training data, and there is none here; give it saved values");
        });
    }

    public Wiring(Model model, Inputs inputs) {
        this.model = model;
        this.inputs = inputs;
    }

    /** What acts on a linear map, in the order of the claims. */
    public List<LinearTransform> linear(String path) {
        return linear.getOrDefault(path, List.of());
    }

    /** What acts on the output of a module. */
    public List<OutputTransform> outputs(String path) {
        return outputs.getOrDefault(path, List.of());
    }

    /** What adds to a residual sum. */
    public List<ResidualTransform> residuals(String path) {
        return residuals.getOrDefault(path, List.of());
    }

    /** Whether frozen stages have no dropout. */
    boolean withoutDropout() {
        return calm;
    }

    /** What adapters add to the loss of a step. */
    List<Supplier<Tensor>> penalties() {
        return penalties;
    }

    /** What acts at each step, in the order of the claims. */
    List<StepListener> listeners() {
        return listeners;
    }

    /** How a parameter is optimised. */
    OptimizerGroup group(String name, Shape shape) {
        double rate = 1;
        OptionalDouble decay = OptionalDouble.empty();
        for (BiFunction<String, Shape, OptimizerGroup> rule : groups) {
            OptimizerGroup own = rule.apply(name, shape);
            rate *= own.rate();
            decay = own.weightDecay().isPresent() ? own.weightDecay() : decay;
        }
        return new OptimizerGroup(rate, decay);
    }

    /** What stands before the keys and values of each sequence in an attention. */
    List<AttentionPrefix> prefixes(String path) {
        return prefixes.getOrDefault(path, List.of());
    }

    /** So many keys stand before those of each sequence in an attention. */
    public int prefixLength(String path) {
        return prefixes(path).stream().mapToInt(AttentionPrefix::length).sum();
    }

    /** The most of {@link #prefixLength} over all attentions. */
    public int prefixLength() {
        return prefixes.keySet().stream().mapToInt(this::prefixLength).max().orElse(0);
    }

    /** The paths of the attentions that have a prefix. */
    public Set<String> prefixed() {
        return Collections.unmodifiableSet(prefixes.keySet());
    }

    /** Whether an adapter reads sequences as a whole. */
    boolean wholeSequences() {
        return wholeSequences;
    }

    /** With what shorter sequences are filled up for an adapter that reads padding. */
    OptionalInt padding() {
        return padded ? OptionalInt.of(model.paddingToken()) : OptionalInt.empty();
    }

    /** What stands before the tokens of each sequence. */
    List<VirtualTokens> prompts() {
        return prompts;
    }

    /** The ids of the virtual tokens in their order: -1, -2 and on. */
    public int[] virtualIds() {
        int count = prompts.stream().mapToInt(VirtualTokens::count).sum();
        return IntStream.range(0, count).map(i -> -1 - i).toArray();
    }

    /** The embedding of tokens, in which virtual ones have their rows. */
    AttachPoint words() {
        return model.attachPoints().stream()
                .filter(point -> point.kind() == AttachPoint.Kind.EMBEDDING)
                .findFirst()
                .orElseThrow(() -> new UserError("the model has no embedding of tokens"));
    }

    /** Where the positions of tokens begin. */
    int shift() {
        return shift;
    }

    /** How many of the model's positions the adapters take: so much less is left for a text. */
    public int positionsTaken() {
        return shift + virtualIds().length;
    }

    /** Whether an adapter acts on the module at {@code path} or inside it; padding is everywhere. */
    boolean touches(String path) {
        if (padded) {
            return true;
        }
        Set<String> words = prompts.isEmpty() ? Set.of() : Set.of(words().path());
        return Stream.of(linear.keySet(), outputs.keySet(), residuals.keySet(), prefixes.keySet(), words)
                .flatMap(Set::stream)
                .anyMatch(point -> point.equals(path) || point.startsWith(path + "."));
    }

    /** The side that one adapter works on; its parameters come from {@code parameters}. */
    public Adapter.Attachment attachment(ParameterStore.Claim parameters) {
        return new Side(parameters);
    }

    /**
     * The side of an adapter that may be switched off: its parameters are kept then, and nothing else comes of what it asks for.
     *
     * @param active whether it acts
     */
    public Adapter.Attachment attachment(ParameterStore.Claim parameters, boolean active) {
        return active
                ? attachment(parameters)
                : new Wiring(model).new Side(parameters) {
                    @Override
                    public Tensor train(String weight) {
                        throw new UserError(
                                "it trains '" + weight
                                        + "', a weight of the model's own, whose former value a trial does not keep: it cannot be switched off");
                    }
                };
    }

    private class Side implements Adapter.Attachment {
        private final ParameterStore.Claim parameters;

        Side(ParameterStore.Claim parameters) {
            this.parameters = parameters;
        }

        @Override
        public List<AttachPoint> points() {
            return model.attachPoints();
        }

        @Override
        public List<String> weights() {
            String head = model.classifierPath() + ".";
            return model.weights().keySet().stream()
                    .filter(n -> !n.startsWith(head))
                    .toList();
        }

        @Override
        public Tensor weight(String name) {
            Tensor weight = model.weights().get(model.tied().getOrDefault(name, name));
            if (weight == null) {
                throw new IllegalArgumentException("the model has no weight " + name);
            }
            return weight;
        }

        @Override
        public List<AttachPoint> allLinear() {
            Set<String> heads = Stream.concat(
                            Stream.of(model.classifierPath()),
                            Stream.of(model.languageHead(), model.maskedHead())
                                    .flatMap(head -> head.map(LanguageHead::path).stream()))
                    .collect(Collectors.toSet());
            return points().stream()
                    .filter(p -> p.kind() == Kind.LINEAR)
                    .filter(p -> !heads.contains(p.path()))
                    .toList();
        }

        @Override
        public LinearNames linearNames() {
            return model.linearNames();
        }

        @Override
        public List<AttachPoint> match(Kind kind, List<String> given) {
            List<String> targets = kind == Kind.LINEAR ? linearNames().resolve(given) : given;
            List<AttachPoint> points =
                    points().stream().filter(p -> p.kind() == kind).toList();
            Set<String> chosen = new LinkedHashSet<>();
            for (String target : targets) {
                List<String> found = points.stream()
                        .map(AttachPoint::path)
                        .filter(p -> p.equals(target) || p.endsWith("." + target))
                        .toList();
                if (found.isEmpty() && targets.size() == 1) {
                    found = byPattern(target, points);
                }
                if (found.isEmpty()) {
                    throw new UserError("target '" + target + "' matches no "
                            + kind.name().toLowerCase(Locale.ROOT) + " attach point; there are " + suffixes(points));
                }
                chosen.addAll(found);
            }
            return points.stream().filter(p -> chosen.contains(p.path())).toList();
        }

        private List<String> byPattern(String target, List<AttachPoint> points) {
            try {
                Pattern pattern = Pattern.compile(target);
                return points.stream()
                        .map(AttachPoint::path)
                        .filter(p -> pattern.matcher(p).matches())
                        .toList();
            } catch (PatternSyntaxException e) {
                throw new UserError(
                        "target '" + target + "' is no path and no regular expression: " + e.getDescription());
            }
        }

        /** The last two names of each path, which is what people write as targets. */
        private String suffixes(List<AttachPoint> points) {
            return points.stream()
                    .map(p -> {
                        String[] names = p.path().split("\\.", -1);
                        int n = names.length;
                        return n < 2
                                ? p.path()
                                : names[n - 2].matches("\\d+") ? names[n - 1] : names[n - 2] + "." + names[n - 1];
                    })
                    .distinct()
                    .collect(Collectors.joining(", "));
        }

        @Override
        public void linear(String path, LinearTransform transform) {
            require(path, "linear map", kind -> kind == Kind.LINEAR);
            linear.computeIfAbsent(path, p -> new ArrayList<>()).add(transform);
        }

        @Override
        public void output(String path, OutputTransform transform) {
            require(path, "module with an output", kind -> !isResidual(kind));
            outputs.computeIfAbsent(path, p -> new ArrayList<>()).add(transform);
        }

        @Override
        public void residual(String path, ResidualTransform transform) {
            require(path, "residual sum", Side::isResidual);
            residuals.computeIfAbsent(path, p -> new ArrayList<>()).add(transform);
        }

        private static boolean isResidual(Kind kind) {
            return kind == Kind.ATTENTION_RESIDUAL || kind == Kind.FEED_FORWARD_RESIDUAL;
        }

        /** A transform at a point of another kind would silently never act. */
        private void require(String path, String what, Predicate<Kind> kind) {
            List<AttachPoint> there =
                    points().stream().filter(p -> p.path().equals(path)).toList();
            if (there.isEmpty()) {
                throw new IllegalArgumentException("the model has no attach point '" + path + "'");
            }
            if (there.stream().noneMatch(p -> kind.test(p.kind()))) {
                throw new IllegalArgumentException("attach point '" + path + "' is no " + what);
            }
        }

        @Override
        public void withoutDropout() {
            calm = true;
        }

        @Override
        public void penalty(Supplier<Tensor> penalty) {
            penalties.add(penalty);
        }

        @Override
        public void groups(BiFunction<String, Shape, OptimizerGroup> rule) {
            AdapterScope scope = parameters.scope();
            groups.add((kept, shape) ->
                    scope.own(kept).map(name -> rule.apply(name, shape)).orElse(OptimizerGroup.PLAIN));
        }

        @Override
        public void eachStep(StepListener listener) {
            listeners.add(new ScopedListener(listener, parameters::kept));
        }

        @Override
        public void attention(String path, AttentionPrefix prefix) {
            require(path, "attention", kind -> kind == Kind.ATTENTION);
            prefixes.computeIfAbsent(path, p -> new ArrayList<>()).add(prefix);
        }

        @Override
        public void wholeSequences(boolean withPadding) {
            if (model.causal()) {
                throw new UserError(
                        "the tokens of a " + model.family() + " see those before them alone, and through a method that"
                                + " reads sequences as a whole they would see later ones; use it with an encoder");
            }
            wholeSequences = true;
            padded |= withPadding;
        }

        @Override
        public void prompt(VirtualTokens tokens) {
            words();
            prompts.add(tokens);
        }

        @Override
        public AttachPoint words() {
            return Wiring.this.words();
        }

        @Override
        public int[] encode(String text) {
            return model.tokenizer().encode(text, Integer.MAX_VALUE);
        }

        @Override
        public void shiftPositions(int by) {
            shift += by;
        }

        @Override
        public long known(String name) {
            return parameters.known(name);
        }

        @Override
        public void observe(Collection<String> paths, Adapter.Observer observer) {
            inputs.observe(paths, observer);
        }

        @Override
        public void follows(String name) {
            parameters.follows(name);
        }

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
}
