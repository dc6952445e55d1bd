package org.attune.peft;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;
import org.attune.model.AttachPoint;
import org.attune.plugin.UserError;
import org.attune.training.Adapter.Attachment;

/**
 * Where a method acts, chosen among a model's modules by PEFT's rules, so that a configuration means the same there.
 *
 * @param method its name, for errors
 * @param names path suffixes, or one regular expression for the whole path, or {@code all-linear}
 */
record Targets(String method, List<String> names, Selection selection) {
    private static final List<String> ALL_LINEAR = List.of("all-linear");

    /** A module path or its end; anything else is a regular expression. */
    static final Pattern PATH = Pattern.compile("[\\w.-]+");

    /** @throws UserError if the names and the selection do not go together */
    Targets {
        if (names.isEmpty()) {
            throw new UserError(method + ": targets is empty; name at least one module, or use head-only");
        }
        if (!selection.layers().isEmpty() && (names.equals(ALL_LINEAR) || isPattern(names))) {
            throw new UserError(method + ": layers is given, but targets is " + names.get(0)
                    + "; name the modules, or say the layers in the regular expression");
        }
        if (selection.layers().isEmpty() && !selection.layersPattern().isEmpty()) {
            throw new UserError(method + ": layers_pattern is given, but no layers; name their numbers");
        }
    }

    /** The linear maps to adapt, in forward order; at least one. */
    List<AttachPoint> linear(Attachment on) {
        return selected(names.equals(ALL_LINEAR) ? on.allLinear() : on.match(AttachPoint.Kind.LINEAR, names));
    }

    /** What is left of the points that the names mean; at least one. */
    List<AttachPoint> selected(List<AttachPoint> named) {
        List<AttachPoint> points = named.stream()
                .filter(p -> !excluded(p.path()) && inLayers(p.path()))
                .toList();
        if (points.isEmpty()) {
            throw new UserError(method + ": nothing is left of the " + named.size()
                    + " modules that targets name: exclude, layers and modules_to_save leave none of them");
        }
        return points;
    }

    private boolean excluded(String path) {
        return named(method, selection.exclude(), path)
                || selection.modulesToSave().stream().anyMatch(module -> inside(path, module));
    }

    private boolean inLayers(String path) {
        List<Integer> layers = selection.layers();
        if (layers.isEmpty()) {
            return true;
        }
        Stream<String> before =
                selection.layersPattern().isEmpty() ? Stream.of("[^.]*") : selection.layersPattern().stream();
        // The first number in the path is the layer's: later ones count experts inside it.
        return before.map(name -> compiled(method, "(?:^|.*?\\.)(?:" + name + ")\\.(\\d+)\\..*")
                        .matcher(path))
                .filter(Matcher::matches)
                .findFirst()
                .filter(layer -> layers.contains(Integer.parseInt(layer.group(1))))
                .isPresent();
    }

    /** Trains the modules that the selection names whole. */
    void trainWhole(Attachment on) {
        List<String> all = on.weights();
        for (String module : selection.modulesToSave()) {
            List<String> own = all.stream().filter(name -> inside(name, module)).toList();
            if (own.isEmpty()) {
                throw new UserError(
                        method + ": modules_to_save: the model has no module '" + module + "' with weights of its own");
            }
            own.forEach(on::train);
        }
    }

    /** Whether a path is among those that names mean: ends of it, or one regular expression. */
    static boolean named(String method, List<String> names, String path) {
        return isPattern(names)
                ? compiled(method, names.get(0)).matcher(path).matches()
                : names.stream().anyMatch(name -> endsIn(path, name));
    }

    /** Whether names are one regular expression for a whole path rather than ends of paths. */
    static boolean isPattern(List<String> names) {
        return names.size() == 1 && !PATH.matcher(names.get(0)).matches();
    }

    static Pattern compiled(String method, String regex) {
        try {
            return Pattern.compile(regex);
        } catch (PatternSyntaxException e) {
            throw new UserError(method + ": '" + regex + "' is no regular expression: " + e.getDescription(), e);
        }
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
