package org.attune.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import org.apache.felix.framework.Felix;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs the launcher as a process of its own on a home whose one bundle is {@link MainBundle}. */
class LauncherTest {
    /** A space and a plus sign, because bundle locations are URLs that Felix decodes. */
    @TempDir
    Path directory;

    private Path home;

    @BeforeEach
    void home() throws IOException {
        home = Files.createDirectories(directory.resolve("a home+1"));
        Files.createDirectory(home.resolve("bundle"));
    }

    @Test
    void handsTheArgumentsToTheMainServiceAndReturnsItsCode() throws Exception {
        bundle("bundle/main.jar", "test.main", MainBundle.class);

        Process process = launch("exit", "42");

        assertThat(process.getInputStream()).hasContent("main on main [exit, 42]");
        assertThat(process.getErrorStream()).isEmpty();
        assertThat(code(process)).isEqualTo(42);
        assertThat(caches()).isEmpty();
    }

    @Test
    void anExceptionOfTheMainServiceIsShownAndEndsWithOne() throws Exception {
        bundle("bundle/main.jar", "test.main", MainBundle.class);

        Process process = launch("throw");

        assertThat(text(process.getErrorStream()))
                .startsWith("attune: ended by an unexpected failure")
                .contains("IllegalStateException: as asked");
        assertThat(code(process)).isEqualTo(1);
        assertThat(caches()).isEmpty();
    }

    @Test
    void aBundleThatDoesNotResolveIsNamedAndStopsNoOther() throws Exception {
        bundle("bundle/broken.jar", "test.broken", null, "org.nowhere");
        bundle("bundle/main.jar", "test.main", MainBundle.class);

        Process process = launch("exit", "0");

        assertThat(text(process.getErrorStream()).lines())
                .singleElement()
                .asString()
                .startsWith("attune: test.broken does not start: ")
                .contains("org.nowhere");
        assertThat(code(process)).isZero();
    }

    @Test
    void bundlesOnDemandAreInstalledButNotStarted() throws Exception {
        bundle("bundle/main.jar", "test.main", MainBundle.class);
        bundle("bundle/on-demand/other.jar", "test.other", null);

        Process process = launch("states");

        assertThat(text(process.getInputStream())).contains("test.main 32").contains("test.other 2");
        assertThat(code(process)).isZero();
    }

    @Test
    void aSignalFirstLetsWorkBeSavedThenStopsTheFramework() throws Exception {
        bundle("bundle/main.jar", "test.main", MainBundle.class);

        Process process = launch("wait");
        BufferedReader output = process.inputReader();
        assertThat(output.readLine()).isEqualTo("main on main [wait]");
        assertThat(caches()).hasSize(1);
        process.toHandle().destroy(); // Process.destroy would also close the streams

        assertThat(output.lines()).containsExactly("asked to save", "main saved", "bundle stopped");
        assertThat(text(process.getErrorStream())).isEmpty();
        assertThat(code(process)).isEqualTo(128 + 15);
        assertThat(caches()).isEmpty();
    }

    @Test
    void severalProcessesShareOneHomeAndAKilledOneIsCleanedUpAfter() throws Exception {
        bundle("bundle/main.jar", "test.main", MainBundle.class);

        Process first = launch("wait");
        assertThat(first.inputReader().readLine()).isEqualTo("main on main [wait]");
        assertThat(code(launch("exit", "0"))).isZero();
        assertThat(caches()).hasSize(1);

        assertThat(first.destroyForcibly().waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(caches()).hasSize(1);
        assertThat(code(launch("exit", "0"))).isZero();
        assertThat(caches()).isEmpty();
    }

    @Test
    void aHomeWithoutBundlesIsRefused() throws Exception {
        Files.delete(home.resolve("bundle"));

        Process process = launch();

        assertThat(text(process.getErrorStream()).lines())
                .singleElement()
                .asString()
                .contains("attune.home")
                .contains("a home+1");
        assertThat(code(process)).isEqualTo(1);
    }

    private Process launch(String... args) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+IgnoreUnrecognizedVMOptions",
                "--sun-misc-unsafe-memory-access=allow",
                "-Djava.util.logging.config.class=" + JavaLogging.class.getName(),
                "-Dattune.home=" + home,
                "-cp",
                String.join(File.pathSeparator, location(Main.class), location(Felix.class)),
                Main.class.getName()));
        command.addAll(List.of(args));
        return new ProcessBuilder(command).start();
    }

    private static String location(Class<?> type) {
        return Path.of(URI.create(
                        type.getProtectionDomain().getCodeSource().getLocation().toString()))
                .toString();
    }

    private static int code(Process process) throws InterruptedException {
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return process.exitValue();
    }

    private static String text(InputStream stream) throws IOException {
        return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
    }

    private List<Path> caches() throws IOException {
        try (Stream<Path> entries = Files.list(home.resolve("data/cache"))) {
            return entries.toList();
        }
    }

    private void bundle(String path, String name, Class<?> activator, String... imports) throws IOException {
        Manifest manifest = new Manifest();
        Attributes headers = manifest.getMainAttributes();
        headers.put(Attributes.Name.MANIFEST_VERSION, "1.0");
        headers.putValue("Bundle-ManifestVersion", "2");
        headers.putValue("Bundle-SymbolicName", name);
        headers.putValue(
                "Import-Package",
                String.join(
                        ",",
                        Stream.concat(Stream.of("org.osgi.framework"), Stream.of(imports))
                                .toList()));
        if (activator != null) {
            headers.putValue("Bundle-Activator", activator.getName());
        }
        Path jar = home.resolve(path);
        Files.createDirectories(jar.getParent());
        try (OutputStream file = Files.newOutputStream(jar);
                JarOutputStream out = new JarOutputStream(file, manifest)) {
            if (activator != null) {
                String resource = activator.getName().replace('.', '/') + ".class";
                out.putNextEntry(new JarEntry(resource));
                try (InputStream in = activator.getClassLoader().getResourceAsStream(resource)) {
                    in.transferTo(out);
                }
            }
        }
    }
}
