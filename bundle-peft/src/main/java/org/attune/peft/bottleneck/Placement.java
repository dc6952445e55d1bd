package org.attune.peft.bottleneck;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.attune.model.AttachPoint;
import org.attune.model.Residual;
import org.attune.plugin.UserError;
import org.attune.tensor.Tensor;
import org.attune.training.Adapter.Attachment;

/** At which residual sums adapters stand, and what they read there. What they give is added to the sum in every case. */
public enum Placement {
    /** After attention and after the feed-forward block, on the output z of either. */
    HOULSBY,
    /** After the feed-forward block, on the sum x + z, through the norm that follows it where one does. */
    PFEIFFER,
    /** Beside the feed-forward block, on x. */
    PARALLEL;

    /** What an adapter reads. */
    public Tensor input(Residual at) {
        return switch (this) {
            case HOULSBY -> at.z();
            case PFEIFFER -> at.normed();
            case PARALLEL -> at.x();
        };
    }

    private List<AttachPoint.Kind> kinds() {
        return this == HOULSBY
                ? List.of(AttachPoint.Kind.ATTENTION_RESIDUAL, AttachPoint.Kind.FEED_FORWARD_RESIDUAL)
                : List.of(AttachPoint.Kind.FEED_FORWARD_RESIDUAL);
    }

    /** One adapter with plain matrices at each site. */
    public void attach(Attachment on, Settings settings, Bottleneck.Start start) {
        for (AttachPoint site : sites(on.points(), settings.layers())) {
            Bottleneck adapter = Bottleneck.dense(on::parameter, site.path() + ".adapter", site, settings, start);
            on.residual(site.path(), (forward, at) -> adapter.apply(input(at)));
        }
    }

    /**
     * Where adapters stand, in forward order.
     *
     * @param points the model's
     * @param layers their numbers, from 0; empty for all
     * @throws UserError if the model has no such layer, or no residual sums at all
     */
    public List<AttachPoint> sites(List<AttachPoint> points, List<Integer> layers) {
        Set<AttachPoint> sites = new HashSet<>();
        for (AttachPoint.Kind kind : kinds()) {
            List<AttachPoint> all =
                    points.stream().filter(p -> p.kind() == kind).toList();
            if (all.isEmpty()) {
                throw new UserError("the model has no residual sums that an adapter could add to");
            }
            for (int layer : layers) {
                if (layer >= all.size()) {
                    throw new UserError(
                            "layers has " + layer + ", but the model's are numbered 0 to " + (all.size() - 1));
                }
            }
            for (int i = 0; i < all.size(); i++) {
                if (layers.isEmpty() || layers.contains(i)) {
                    sites.add(all.get(i));
                }
            }
        }
        return points.stream().filter(sites::contains).toList();
    }
}
