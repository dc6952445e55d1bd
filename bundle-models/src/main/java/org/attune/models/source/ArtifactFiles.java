package org.attune.models.source;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.attune.plugin.UserError;

/**
 * Finds a Maven artifact's jar on this machine; nothing is downloaded. Looked for first in the folder of resources (property
 * {@code attune.resources}, else {@code resources} in {@code attune.home}), then in the local Maven repository (property
 * {@code maven.repo.local}, else {@code .m2/repository} in the user's home).
 */
final class ArtifactFiles {
    private final UnaryOperator<String> properties;

    ArtifactFiles(UnaryOperator<String> properties) {
        this.properties = properties;
    }

    /**
     * @param version null for the only one that there is
     * @throws UserError if there is no such jar, or there are several versions and none is asked for
     */
    Path find(String group, String artifact, String version) {
        List<Path> places = places(group, artifact);
        for (Path place : places) {
            List<Path> jars = jars(place, artifact, version);
            if (jars.size() > 1) {
                throw new UserError(place + ": several versions of " + group + ":" + artifact + ": "
                        + String.join(
                                ", ",
                                jars.stream()
                                        .map(jar -> jar.getFileName().toString())
                                        .toList())
                        + "; say which: maven:" + group + ":" + artifact + ":version");
            }
            if (jars.size() == 1) {
                return jars.get(0);
            }
        }
        throw new UserError("maven:" + group + ":" + artifact + (version == null ? "" : ":" + version)
                + ": no such jar in "
                + String.join(" or ", places.stream().map(Path::toString).toList())
                + "; put it there, or get it with: mvn dependency:get -Dtransitive=false -Dartifact=" + group + ":"
                + artifact + ":" + (version == null ? "VERSION" : version));
    }

    private List<Path> places(String group, String artifact) {
        List<Path> places = new ArrayList<>();
        String resources = properties.apply("attune.resources");
        String home = properties.apply("attune.home");
        if (resources != null) {
            places.add(Path.of(resources));
        } else if (home != null) {
            places.add(Path.of(home, "resources"));
        }
        String repository = properties.apply("maven.repo.local");
        places.add(
                (repository == null ? Path.of(properties.apply("user.home"), ".m2", "repository") : Path.of(repository))
                        .resolve(group.replace('.', '/'))
                        .resolve(artifact));
        return places;
    }

    /** The artifact's jars of a version, or of any, in a folder and in its folders: a repository has one a version. */
    private static List<Path> jars(Path place, String artifact, String version) {
        // A classifier (-sources) stands at the end, a version begins with a digit.
        Pattern name = Pattern.compile(Pattern.quote(artifact + "-")
                + (version == null ? "\\d.*(?<!-sources|-javadoc|-tests)" : Pattern.quote(version)) + "\\.jar");
        if (!Files.isDirectory(place)) {
            return List.of();
        }
        try (Stream<Path> files = Files.find(
                place,
                2,
                (file, attributes) ->
                        name.matcher(file.getFileName().toString()).matches())) {
            return files.sorted().toList();
        } catch (IOException | UncheckedIOException e) {
            throw new UserError(place + ": cannot read: " + e.getMessage(), e);
        }
    }
}
