package org.attune.kernel.generation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.attune.generation.Decoding;
import org.attune.generation.Generated;
import org.attune.generation.Generator;
import org.attune.generation.TextListener;
import org.attune.kernel.step.ParameterStore;
import org.attune.kernel.step.StepSettings;
import org.attune.kernel.step.Wiring;
import org.attune.model.Model;
import org.attune.plugin.UserError;
import org.attune.tensor.DType;
import org.attune.tensor.engine.TensorEngine;

/** A model with the adapters of a wiring, generating on a team of its own. */
public final class LoadedGenerator implements Generator {
    private final TensorEngine engine;
    private final Model model;
    private final Team team;
    private final PassRunner runner;
    private final Set<Integer> endTokens;
    /** The longest sequence, adapters' part of the positions taken off. */
    private final int longest;

    private final Runnable release;
    private volatile boolean closed;

    /**
     * @param parameters of the adapters
     * @param precision of activations; empty for the engine's own type
     * @param release called when this is closed
     * @throws UserError if the model has no head over the vocabulary
     */
    public LoadedGenerator(
            TensorEngine engine,
            Model model,
            ParameterStore parameters,
            Wiring wiring,
            Optional<DType> precision,
            int threads,
            Runnable release) {
        this.engine = engine;
        this.model = model;
        this.release = release;
        this.longest = model.maxLength() - wiring.positionsTaken();
        this.endTokens = Arrays.stream(model.endTokens()).boxed().collect(Collectors.toSet());
        StepSettings settings = new StepSettings(1, Integer.MAX_VALUE, precision, false, 0);
        this.team = new Team(threads);
        this.runner = new PassRunner(
                engine,
                model,
                model.languageHead()
                        .orElseThrow(() -> new UserError("a model of family '" + model.family()
                                + "' has no language head, so it does not generate; expected a causal language model")),
                parameters,
                wiring,
                settings,
                team);
    }

    @Override
    public Model model() {
        return model;
    }

    TensorEngine engine() {
        return engine;
    }

    /** {@inheritDoc} @throws UserError also if it was closed, as happens when its engine or an adapter's plug-in leaves */
    @Override
    public synchronized List<Generated> generate(List<int[]> prompts, Decoding decoding, TextListener listener) {
        if (closed) {
            throw new UserError(
                    "the generator was closed, perhaps as a plug-in that it uses was replaced; open the model again");
        }
        for (int i = 0; i < prompts.size(); i++) {
            check(i, prompts.get(i).length);
        }
        if (decoding.beams().count() == 1) {
            return new ContinuousBatch(
                            runner,
                            model.tokenizer(),
                            endTokens,
                            longest,
                            decoding,
                            (prompt, piece) -> listener.text(prompt, piece) && !closed)
                    .run(prompts);
        }
        BeamSearch search = new BeamSearch(runner, model.tokenizer(), endTokens, decoding);
        List<Generated> results = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
            int room = Math.min(decoding.maxNewTokens(), longest - prompts.get(i).length);
            Generated generated = search.run(prompts.get(i), room);
            results.add(generated);
            listener.text(i, generated.text());
        }
        return results;
    }

    private void check(int prompt, int tokens) {
        if (tokens == 0) {
            throw new UserError("prompt " + (prompt + 1) + " has no tokens; expected some text");
        }
        if (tokens >= longest) {
            throw new UserError("prompt " + (prompt + 1) + " has " + tokens + " tokens, but the model has only "
                    + model.maxLength() + " positions"
                    + (longest < model.maxLength()
                            ? ", of which the adapters take " + (model.maxLength() - longest)
                            : "")
                    + "; shorten it");
        }
    }

    /** Waits for a call in progress, which it makes end soon. */
    @Override
    public void close() {
        boolean first = !closed;
        closed = true;
        synchronized (this) {
            if (first) {
                team.close();
                release.run();
            }
        }
    }
}
