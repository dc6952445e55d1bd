package org.attune.peft;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.attune.model.AttachPoint;
import org.attune.plugin.UserError;
import org.attune.tensor.Rng;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter.Attachment;
import org.attune.training.Adapter.Observer;

/**
 * First values of low-rank updates that come from the data (explained variance adaptation, Paischer et al. 2024, arXiv 2410.07170): A is
 * the first {@linkplain PrincipalComponents principal components} of what enters the map, B is 0. Ranks go where the data varies: of all
 * maps' components those that explain the largest shares of their map's variance are taken, as many together as the ranks asked for.
 *
 * @param ranks by the maps' paths, in forward order; 0 where none is left
 * @param factors A of each map [rank, in], row-major; empty where values are known
 */
record Eva(Map<String, Integer> ranks, Map<String, double[]> factors) {
    /** Batches without end would be read where components never stay. */
    private static final int MOST_BATCHES = 100;

    /**
     * The ranks of values that are known, or else those of a search.
     *
     * @throws UserError if the data has not enough tokens, or there is none
     */
    static Eva of(LoraOptions options, List<AttachPoint> points, Attachment on) {
        Map<String, Integer> known = new LinkedHashMap<>();
        points.forEach(point ->
                known.put(point.path(), (int) (on.known(point.path() + ".lora_A.weight") / point.in())));
        if (known.values().stream().anyMatch(rank -> rank > 0)) {
            return new Eva(known, Map.of());
        }
        Search search = new Search(options, points);
        on.observe(known.keySet(), search);
        return search.result();
    }

    /** What the update of a map begins with. */
    Decomposition first(AttachPoint point) {
        double[] a = factors.get(point.path());
        return new Decomposition(a, new double[point.out() * a.length / point.in()]);
    }

    /** The inputs of all maps. The first batch shows alone which maps have the same. */
    private static final class Search implements Observer {
        private final LoraOptions options;
        private final Map<String, AttachPoint> points = new LinkedHashMap<>();
        private final Map<String, Inputs> inputs = new LinkedHashMap<>();
        /** At first the most that a map may have. */
        private final Map<String, Integer> ranks = new LinkedHashMap<>();

        private int batches;
        private Tensor last;
        private String path = "";

        Search(LoraOptions options, List<AttachPoint> all) {
            this.options = options;
            for (AttachPoint point : all) {
                int most = (int)
                        Math.rint(options.rank(point.path()) * options.eva().rho());
                if (most > point.in()) {
                    throw new UserError("lora: init is eva, and rank times rho is " + most + ", more than "
                            + point.path() + " [" + point.out() + ", " + point.in() + "] has inputs");
                }
                points.put(point.path(), point);
                ranks.put(point.path(), most);
            }
        }

        @Override
        public void input(String of, Tensor x) {
            if (batches > 1) {
                inputs.get(of).add(of, x, options.eva().tau());
                return;
            }
            Inputs own =
                    x == last ? inputs.get(path) : new Inputs(of, points.get(of).in());
            own.most = Math.max(own.most, ranks.get(of));
            inputs.put(of, own);
            last = x;
            path = of;
        }

        @Override
        public boolean more() {
            last = null;
            if (batches == 1) {
                inputs.values().forEach(Inputs::begin);
                inputs.forEach((of, own) -> ranks.put(of, own.most));
            } else if (batches > 1 && inputs.values().stream().noneMatch(own -> own.components.isEmpty())) {
                distribute();
            }
            inputs.values().forEach(own -> own.searching = false);
            inputs.forEach((of, own) -> own.searching |= own.settled < ranks.get(of));
            return batches++ < MOST_BATCHES
                    && (batches == 1 || inputs.values().stream().anyMatch(own -> own.searching));
        }

        /** Gives each map the rank that its share of the largest components makes. */
        private void distribute() {
            record Candidate(String path, double explained) {}
            List<Candidate> all = new ArrayList<>();
            int budget = 0;
            for (Map.Entry<String, Inputs> map : inputs.entrySet()) {
                budget += options.rank(map.getKey());
                for (int k = 0; k < map.getValue().most; k++) {
                    all.add(new Candidate(
                            map.getKey(), map.getValue().components.explained(k)));
                }
            }
            all.sort(Comparator.comparingDouble(Candidate::explained).reversed()); // of equals the first map's first
            ranks.replaceAll((of, rank) -> 0);
            all.subList(0, Math.min(budget, all.size())).forEach(taken -> ranks.merge(taken.path, 1, Integer::sum));
        }

        Eva result() {
            Map<String, double[]> factors = new LinkedHashMap<>();
            ranks.forEach((of, rank) -> {
                Inputs own = inputs.get(of);
                if (own == null || own.components.isEmpty()) {
                    throw new UserError(
                            "lora: init is eva, and no batch gives " + of + " as many inputs as its rank times rho,"
                                    + " " + rank + "; lower them, make the batch larger, or exclude it");
                }
                factors.put(of, own.factor(rank, options.eva().whiten()));
            });
            return new Eva(ranks, factors);
        }
    }

    /** What enters one map, or several. */
    private static final class Inputs {
        /** The path of the first. */
        private final String first;

        private final int in;
        private int most;
        private PrincipalComponents components;
        /** How many of the first components stayed, as the last batch showed. */
        private int settled;

        private boolean searching;

        Inputs(String first, int in) {
            this.first = first;
            this.in = in;
        }

        void begin() {
            components = new PrincipalComponents(most, in, Rng.of(0).at("eva").at(first));
        }

        void add(String path, Tensor x, double tau) {
            if (searching && path.equals(first) && x.shape().dim(0) >= most) {
                settled = 0;
                for (double cosine : components.add(x)) {
                    if (cosine < tau) {
                        break;
                    }
                    settled++;
                }
            }
        }

        double[] factor(int rank, boolean whiten) {
            double[] a = new double[rank * in];
            for (int k = 0; k < rank; k++) {
                double scale = whiten ? 1 / Math.sqrt(components.singular(k)) : 1;
                for (int j = 0; j < in; j++) {
                    a[k * in + j] = scale * components.component(k)[j];
                }
            }
            return a;
        }
    }
}
