package org.attune.peft;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;
import org.attune.plugin.AttunePlugin;
import org.attune.plugin.UserError;
import org.attune.training.Adapter;
import org.osgi.service.component.annotations.Component;

/** Full fine-tuning: the base model's weights themselves are trained, each trial having its own copy; or a part of them. */
@Component(service = Adapter.class)
@AttunePlugin(name = "full", description = "full fine-tuning: the base model's own weights, all or some")
public final class Full implements Adapter<FullOptions> {
    @Override
    public Class<FullOptions> options() {
        return FullOptions.class;
    }

    @Override
    public void attach(FullOptions options, Attachment on) {
        List<String> names = on.weights();
        (options.targets().isEmpty() ? names : chosen(options.targets(), names)).forEach(on::train);
    }

    /** The names that targets mean, in their own order. */
    private static List<String> chosen(List<String> targets, List<String> names) {
        Set<String> chosen = new LinkedHashSet<>();
        for (String target : targets) {
            List<String> found = names.stream()
                    .filter(name -> endsIn(name, target) || endsIn(module(name), target))
                    .toList();
            if (found.isEmpty() && targets.size() == 1) {
                found = byPattern(target, names);
            }
            if (found.isEmpty()) {
                throw new UserError("full: target '" + target + "' matches no weight; there are " + abbreviated(names));
            }
            chosen.addAll(found);
        }
        return names.stream().filter(chosen::contains).toList();
    }

    private static boolean endsIn(String path, String target) {
        return path.equals(target) || path.endsWith("." + target);
    }

    private static String module(String name) {
        return name.substring(0, Math.max(0, name.lastIndexOf('.')));
    }

    private static List<String> byPattern(String target, List<String> names) {
        try {
            Pattern pattern = Pattern.compile(target);
            return names.stream().filter(n -> pattern.matcher(n).matches()).toList();
        } catch (PatternSyntaxException e) {
            throw new UserError(
                    "full: target '" + target + "' is no weight and no regular expression: " + e.getDescription());
        }
    }

    /** The names with N for a layer's number, so that twelve layers take the room of one. */
    private static String abbreviated(List<String> names) {
        return names.stream()
                .map(n -> n.replaceAll("\\.\\d+(?=\\.)", ".N"))
                .distinct()
                .collect(Collectors.joining(", "));
    }
}
