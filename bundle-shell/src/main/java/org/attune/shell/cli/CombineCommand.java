package org.attune.shell.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.attune.plugin.UserError;
import org.attune.shell.text.Terminal;
import org.attune.training.Weighting;
import org.attune.trial.AdapterCombination;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "combine",
        header = "Make one adapter of several that were trained for one base model.",
        description = {
            "%nThe types are those of PEFT's add_weighted_adapter: linear (the factors are summed each for itself), cat (side by "
                    + "side: the exact sum, of the sum of the ranks), svd (the exact sum, brought to a rank), ties, dare-linear, "
                    + "dare-ties and magnitude-prune, and each of these four with -svd.%n"
        },
        footer = {
            "%nExample:",
            "  attune combine both/ runs/first-20260101-120000 runs/second-20260101-130000 --type ties-svd --weights 0.7,0.5"
        })
final class CombineCommand implements Runnable {
    private final Services services;

    @Parameters(index = "0", paramLabel = "FOLDER", description = "The folder to make; it must not exist yet.")
    private Path folder;

    @Parameters(
            index = "1..*",
            arity = "1..*",
            paramLabel = "ADAPTER",
            description = "Run folders, or folders of adapters in PEFT's layout.")
    private List<Path> adapters = new ArrayList<>();

    @Option(names = "--type", paramLabel = "TYPE", defaultValue = "svd", description = "How (${DEFAULT-VALUE}).")
    private String type;

    @Option(names = "--weights", paramLabel = "W", split = ",", description = "One for each adapter; 1 by default.")
    private List<Double> weights = new ArrayList<>();

    @Option(
            names = "--density",
            paramLabel = "D",
            defaultValue = "0.5",
            description = "The share of elements that pruning keeps (${DEFAULT-VALUE}).")
    private double density;

    @Option(
            names = "--sign",
            paramLabel = "BY",
            defaultValue = "total",
            description = "What elects a sign in ties: total, or frequency (${DEFAULT-VALUE}).")
    private String sign;

    @Option(
            names = "--rank",
            paramLabel = "N",
            defaultValue = "0",
            description = "The rank of the types with svd; 0 for the adapters' largest.")
    private int rank;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "0",
            description = "Decides what dare drops (${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--json", description = "Print JSON on standard output instead of a sentence.")
    private boolean json;

    CombineCommand(Services services) {
        this.services = services;
    }

    @Override
    public void run() {
        AdapterCombination.Outcome outcome = services.combination().combine(weighted(), way(), folder);
        Terminal terminal = services.terminal();
        terminal.out()
                .println(
                        json
                                ? JsonNodeFactory.instance
                                        .objectNode()
                                        .put("folder", outcome.folder().toString())
                                        .put("parameters", outcome.parameters())
                                        .toPrettyString()
                                : outcome.folder() + ": " + adapters.size() + " adapters combined, "
                                        + outcome.parameters() + " parameters");
    }

    private List<AdapterCombination.Weighted> weighted() {
        List<Double> each = weights.isEmpty() ? Collections.nCopies(adapters.size(), 1.0) : weights;
        if (each.size() != adapters.size()) {
            throw new UserError(
                    "--weights: expected one for each of the " + adapters.size() + " adapters, found " + each.size());
        }
        List<AdapterCombination.Weighted> weighted = new ArrayList<>();
        for (int i = 0; i < each.size(); i++) {
            if (!Double.isFinite(each.get(i))) {
                throw new UserError("--weights: expected numbers, found " + each.get(i));
            }
            weighted.add(new AdapterCombination.Weighted(adapters.get(i), each.get(i)));
        }
        return weighted;
    }

    private Weighting.Way way() {
        if (!(density >= 0 && density <= 1)) {
            throw new UserError("--density " + density + ": expected a number from 0 to 1");
        }
        if (rank < 0) {
            throw new UserError("--rank " + rank + ": expected 0 or more");
        }
        return new Weighting.Way(
                Words.constant(Weighting.Kind.class, "--type", type),
                density,
                Words.constant(Weighting.Sign.class, "--sign", sign),
                rank,
                seed);
    }
}
