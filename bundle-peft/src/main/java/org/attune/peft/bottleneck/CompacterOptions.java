package org.attune.peft.bottleneck;

import java.util.List;
import org.attune.plugin.Option;

/**
 * What {@link Compacter} may be told.
 *
 * @param reductionFactor the hidden width divided by that of the middle
 * @param nonLinearity in the middle
 * @param wiring where the adapters stand
 * @param phmDim how many Kronecker products make a matrix
 * @param phmRank of the factored blocks
 * @param sharedRule whether the model has one rule
 * @param factorizedRule whether a rule is a product of two factors
 * @param factorizedBlocks whether blocks are products of two factors
 * @param scaling factor of what is added
 * @param layers the numbers of the layers to adapt; none for all
 */
public record CompacterOptions(
        @Option(value = "the hidden width divided by that of the bottleneck", defaults = "32", min = 0.01)
        double reductionFactor,

        @Option(value = "the function in the middle", defaults = "gelu")
        NonLinearity nonLinearity,

        @Option(value = "where the adapters stand: as houlsby's, or as pfeiffer's (Compacter++)", defaults = "houlsby")
        Wiring wiring,

        @Option(value = "how many Kronecker products make a matrix; divides both of its sides", defaults = "4", min = 1)
        int phmDim,

        @Option(value = "rank of the blocks", defaults = "1", min = 1)
        int phmRank,

        @Option(value = "one rule for the whole model, rather than one for each matrix", defaults = "true")
        boolean sharedRule,

        @Option(value = "rules of rank one", defaults = "false")
        boolean factorizedRule,

        @Option(value = "blocks of low rank, rather than whole ones", defaults = "true")
        boolean factorizedBlocks,

        @Option(value = "what is added is multiplied by it", defaults = "1.0")
        double scaling,

        @Option(value = "numbers of the layers to adapt, from 0; empty for all", defaults = "[]", min = 0)
        List<Integer> layers) {
    /** Those of the placements that the method is used with. */
    public enum Wiring {
        HOULSBY(Placement.HOULSBY),
        PFEIFFER(Placement.PFEIFFER);

        private final Placement placement;

        Wiring(Placement placement) {
            this.placement = placement;
        }

        Placement placement() {
            return placement;
        }
    }

    Settings settings() {
        return new Settings(reductionFactor, nonLinearity, scaling, false, layers);
    }

    Phm phm() {
        return new Phm(phmDim, phmRank, sharedRule, factorizedRule, factorizedBlocks);
    }

    static CompacterOptions of(Settings s, Wiring wiring, Phm phm) {
        return new CompacterOptions(
                s.reductionFactor(),
                s.nonLinearity(),
                wiring,
                phm.n(),
                phm.rank(),
                phm.sharedRule(),
                phm.factorizedRule(),
                phm.factorizedBlocks(),
                s.scaling(),
                s.layers());
    }
}
