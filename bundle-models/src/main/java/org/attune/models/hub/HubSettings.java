package org.attune.models.hub;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.attune.plugin.UserError;

/**
 * Which hub, and where its cache lies, as the environment says: the variables of Hugging Face's own Python library, so that both
 * agree.
 *
 * @param endpoint without a slash at the end
 * @param token empty for what anybody may read
 * @param cache the folder of {@code models--org--name} folders
 * @param offline whether no network may be used
 * @param stall how long a server may send nothing
 * @param pause the first of the pauses between attempts, each twice as long as the one before
 */
record HubSettings(URI endpoint, Optional<String> token, Path cache, boolean offline, Duration stall, Duration pause) {
    private static final String ENDPOINT = "https://huggingface.co";
    private static final Set<String> TRUE = Set.of("1", "on", "yes", "true");
    private static final Duration STALL = Duration.ofSeconds(60);
    private static final Duration PAUSE = Duration.ofSeconds(1);

    /**
     * Reads {@code HF_ENDPOINT}, {@code HF_TOKEN}, {@code HF_HUB_OFFLINE}, {@code HF_HUB_CACHE} and {@code HF_HOME}.
     *
     * @param environment null for a variable that is not set
     * @param userHome the user's own folder
     */
    static HubSettings of(UnaryOperator<String> environment, Path userHome) {
        Path home = value(environment, "HF_HOME")
                .map(Path::of)
                .orElseGet(() -> value(environment, "XDG_CACHE_HOME")
                        .map(Path::of)
                        .orElse(userHome.resolve(".cache"))
                        .resolve("huggingface"));
        Path cache = value(environment, "HF_HUB_CACHE").map(Path::of).orElse(home.resolve("hub"));
        String endpoint = value(environment, "HF_ENDPOINT").orElse(ENDPOINT).replaceFirst("/+$", "");
        if (!endpoint.matches("https?://\\S+")) {
            throw new UserError("HF_ENDPOINT is " + endpoint + ": expected an address such as " + ENDPOINT);
        }
        return new HubSettings(
                URI.create(endpoint),
                value(environment, "HF_TOKEN").or(() -> saved(home.resolve("token"))),
                cache,
                value(environment, "HF_HUB_OFFLINE")
                        .map(v -> TRUE.contains(v.toLowerCase(Locale.ROOT)))
                        .orElse(false),
                STALL,
                PAUSE);
    }

    private static Optional<String> value(UnaryOperator<String> environment, String name) {
        return Optional.ofNullable(environment.apply(name)).map(String::strip).filter(v -> !v.isEmpty());
    }

    /** The token that logging in with Python's tool has left. */
    private static Optional<String> saved(Path file) {
        try {
            return Optional.of(Files.readString(file).strip()).filter(t -> !t.isEmpty());
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw UserError.cannot("read", file, e);
        }
    }
}
