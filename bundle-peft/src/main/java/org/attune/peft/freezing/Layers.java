package org.attune.peft.freezing;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.attune.model.AttachPoint;
import org.attune.plugin.UserError;
import org.attune.training.Adapter.Attachment;

/**
 * The names of a model's weights by layer, from its input up.
 *
 * @param front what comes before the first layer: embeddings
 * @param layers each layer's
 * @param top what comes after the last layer: a pooler, a last norm, a head over the vocabulary
 */
record Layers(List<String> front, List<List<String>> layers, List<String> top) {
    /** The first number in a path is the layer's: later ones count experts inside it. */
    private static final Pattern NUMBER = Pattern.compile("[^0-9.][^.]*(?:\\.[^0-9.][^.]*)*?\\.(\\d+)(?:\\..*)?");

    /**
     * @param method its name, for errors
     * @throws UserError if the model's paths number no layers
     */
    static Layers of(String method, Attachment on) {
        Map<String, Integer> places = new HashMap<>();
        int first = Integer.MAX_VALUE;
        for (AttachPoint point : on.points()) { // in forward order
            places.putIfAbsent(point.path(), places.size());
            if (number(point.path()) >= 0) {
                first = Math.min(first, places.get(point.path()));
            }
        }
        Set<String> frontParents = new HashSet<>();
        for (AttachPoint point : on.points()) {
            if (places.get(point.path()) < first) {
                frontParents.add(parent(point.path()));
            }
        }
        List<String> front = new ArrayList<>();
        List<String> top = new ArrayList<>();
        Map<Integer, List<String>> layers = new TreeMap<>();
        for (String weight : on.weights()) {
            String module = parent(weight);
            int number = number(module);
            if (number >= 0) {
                layers.computeIfAbsent(number, n -> new ArrayList<>()).add(weight);
            } else if (places.containsKey(module)
                    ? places.get(module) < first
                    : frontParents.contains(parent(module))) {
                front.add(weight);
            } else {
                top.add(weight);
            }
        }
        if (layers.size() < 2) {
            throw new UserError(method + ": the model has " + layers.size()
                    + " numbered layers, expected two or more; use full or head-only");
        }
        return new Layers(front, List.copyOf(layers.values()), top);
    }

    private static int number(String path) {
        Matcher number = NUMBER.matcher(path);
        return number.matches() ? Integer.parseInt(number.group(1)) : -1;
    }

    private static String parent(String path) {
        return path.substring(0, Math.max(0, path.lastIndexOf('.')));
    }

    int count() {
        return layers.size();
    }

    /** From the top down: what comes after the layers, each layer, what comes before. */
    List<List<String>> groups() {
        List<List<String>> groups = new ArrayList<>();
        groups.add(front);
        groups.addAll(layers);
        groups.add(top);
        Collections.reverse(groups);
        return groups;
    }

    /** The front and the first {@code n} layers; nothing for 0. */
    List<String> below(int n) {
        List<String> names = new ArrayList<>(n == 0 ? List.of() : front);
        layers.subList(0, n).forEach(names::addAll);
        return names;
    }
}
