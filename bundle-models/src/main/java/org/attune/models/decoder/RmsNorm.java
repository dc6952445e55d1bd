package org.attune.models.decoder;

import org.attune.model.Forward;
import org.attune.models.ModelConfig;
import org.attune.models.Modules;
import org.attune.tensor.Tensor;

/**
 * Root mean square normalisation (Zhang and Sennrich 2019, arXiv 1910.07467) as a family has it.
 *
 * @param eps (rms_norm_eps)
 * @param offset what is added to the weight: 1 in Gemma, whose files hold the distance from 1; else 0
 */
record RmsNorm(double eps, double offset) {
    static RmsNorm of(ModelConfig config) {
        return new RmsNorm(config.number("rms_norm_eps", 0, 1), 0);
    }

    RmsNorm withOffset(double added) {
        return new RmsNorm(eps, added);
    }

    void addTo(Modules modules, String path, int width) {
        modules.rmsNorm(path, width, offset);
    }

    /** Of each row of {@code x}. */
    Tensor apply(Forward forward, String path, Tensor x) {
        return offset == 0
                ? forward.rmsNorm(path, x, eps)
                : forward.block(path, x.rmsNorm(forward.weight(path + ".weight").add(offset), eps));
    }
}
