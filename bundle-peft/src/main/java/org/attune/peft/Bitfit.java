package org.attune.peft;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.attune.model.AttachPoint;
import org.attune.model.Model;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.training.Adapter;
import org.osgi.service.component.annotations.Component;

/**
 * BitFit (Ben Zaken et al. 2021, arXiv 2106.10199): the biases that the model has are trained, nothing else of it. Of no use where
 * there are none, as in the Llama family.
 *
 * <p>PEFT lacks it; its files have our own {@code peft_type}, BITFIT, and hold the new values of the base model's tensors under
 * their own names.
 */
@Component(service = Adapter.class)
@AttunePlugin(name = "bitfit", description = "the base model's biases alone (BitFit)")
public final class Bitfit implements Adapter<BitfitOptions> {
    private static final Pattern HALF =
            Pattern.compile(".*(query|q_proj|q_lin|intermediate\\.dense|lin1|c_fc|up_proj|gate_proj)\\.bias");

    @Override
    public Class<BitfitOptions> options() {
        return BitfitOptions.class;
    }

    @Override
    public void attach(BitfitOptions options, Attachment on) {
        Set<String> norms = on.points().stream()
                .filter(p -> p.kind() == AttachPoint.Kind.NORM)
                .map(p -> p.path() + ".bias")
                .collect(Collectors.toSet());
        List<String> biases = on.weights().stream()
                .filter(name -> name.endsWith(".bias"))
                .filter(name -> norms.contains(name)
                        ? options.normBiases()
                        : options.biases() == BitfitOptions.Biases.ALL
                                || HALF.matcher(name).matches())
                .toList();
        if (biases.isEmpty()) {
            throw new UserError("bitfit: the model has no such biases; use ia3 or lora there");
        }
        biases.forEach(on::train);
    }

    @Override
    public Optional<PeftFormat<BitfitOptions>> peft() {
        return Optional.of(new Format());
    }

    private static final class Format implements PeftFormat<BitfitOptions> {
        @Override
        public String type() {
            return "BITFIT";
        }

        @Override
        public Map<String, Object> write(BitfitOptions options, Model model) {
            Map<String, Object> config = new LinkedHashMap<>();
            config.put("biases", options.biases() == BitfitOptions.Biases.ALL ? "all" : "query_and_intermediate");
            config.put("norm_biases", options.normBiases());
            config.put("tensors", "replace the base model's tensors");
            return config;
        }

        @Override
        public BitfitOptions read(Map<String, Object> fields) {
            PeftConfig config = new PeftConfig("bitfit", fields);
            config.refuseAllBut(Set.of("biases", "norm_biases", "tensors", "base_model", "variant"));
            return new BitfitOptions(
                    "query_and_intermediate".equals(config.value("biases"))
                            ? BitfitOptions.Biases.QUERY_AND_INTERMEDIATE
                            : BitfitOptions.Biases.ALL,
                    config.is("norm_biases"));
        }
    }
}
