package org.attune.peft;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.attune.model.AttachPoint;
import org.attune.plugin.UserError;
import org.attune.training.Adapter.Attachment;

/** Where {@link Lora} acts, chosen among a model's linear maps by PEFT's rules, so that a configuration means the same there. */
record LoraTargets(LoraOptions options, Attachment on) {
    /** The linear maps to adapt, in forward order; at least one. */
    List<AttachPoint> points() {
        List<AttachPoint> named =
                options.allLinear() ? on.allLinear() : on.match(AttachPoint.Kind.LINEAR, options.targets());
        List<AttachPoint> points = named.stream()
                .filter(p -> !excluded(p.path()) && inLayers(p.path()))
                .toList();
        if (points.isEmpty()) {
            throw new UserError("nothing is left of the " + named.size()
                    + " linear maps that targets name: exclude, layers and modules_to_save leave none of them");
        }
        return points;
    }

    private boolean excluded(String path) {
        List<String> names = options.exclude();
        boolean left = LoraOptions.isPattern(names)
                ? LoraOptions.compiled(names.get(0)).matcher(path).matches()
                : names.stream().anyMatch(name -> endsIn(path, name));
        return left || options.modulesToSave().stream().anyMatch(module -> inside(path, module));
    }

    private boolean inLayers(String path) {
        if (options.layers().isEmpty()) {
            return true;
        }
        Stream<String> before =
                options.layersPattern().isEmpty() ? Stream.of("[^.]*") : options.layersPattern().stream();
        // The first number in the path is the layer's: later ones count experts inside it.
        return before.map(name -> LoraOptions.compiled("(?:^|.*?\\.)(?:" + name + ")\\.(\\d+)\\..*")
                        .matcher(path))
                .filter(Matcher::matches)
                .findFirst()
                .filter(layer -> options.layers().contains(Integer.parseInt(layer.group(1))))
                .isPresent();
    }

    /** The weights of the base model that are trained themselves. */
    List<String> weights(List<AttachPoint> points) {
        List<String> all = on.weights();
        for (String module : options.modulesToSave()) {
            if (all.stream().noneMatch(name -> inside(name, module))) {
                throw new UserError(
                        "modules_to_save: the model has no module '" + module + "' with weights of its own");
            }
        }
        return all.stream()
                .filter(name -> trained(name, points)
                        || options.modulesToSave().stream().anyMatch(module -> inside(name, module)))
                .toList();
    }

    private boolean trained(String weight, List<AttachPoint> points) {
        return switch (options.bias()) {
            case NONE -> false;
            case ALL -> weight.endsWith(".bias");
            case LORA_ONLY -> points.stream().anyMatch(p -> weight.equals(p.path() + ".bias"));
        };
    }

    private static boolean endsIn(String path, String name) {
        return path.equals(name) || path.endsWith("." + name);
    }

    /** Whether a path is that of a module with this name, or lies in one. */
    private static boolean inside(String path, String module) {
        return Pattern.compile("(^|.*\\.)" + Pattern.quote(module) + "($|\\..*)")
                .matcher(path)
                .matches();
    }
}
