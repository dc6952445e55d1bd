package org.attune.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Builds {@code examples/plugin-adapter} as a stranger does: with Maven, apart from this build, with nothing of Attune in the local
 * repository but what its README has installed.
 */
final class ThirdPartyBuild {
    private static final List<String> MODULES = List.of(
            "attune", "framework-api", "framework-kernel", "bundle-tensor-reference", "framework-plugin-testkit");

    private static final String FIRST = "<version>1.0.0</version>";

    private final Path folder;
    private final Path project;
    private final Path repository;

    ThirdPartyBuild(Path folder) throws IOException {
        this.folder = folder;
        project = folder.resolve("project");
        repository = folder.resolve("repository");
        Folders.copy(Path.of("../examples/plugin-adapter/src"), project.resolve("src"));
        Files.copy(Path.of("../examples/plugin-adapter/pom.xml"), project.resolve("pom.xml"));
        borrowLocalRepository();
        for (String module : MODULES) {
            install(module);
        }
    }

    /** Links to what the local repository holds, so that the build changes nothing of Attune there. */
    private void borrowLocalRepository() throws IOException {
        Path real = Path.of(System.getProperty("org.ops4j.pax.url.mvn.localRepository"));
        Files.createDirectories(repository.resolve("org"));
        link(real, repository, "org");
        link(real.resolve("org"), repository.resolve("org"), "attune");
    }

    private static void link(Path from, Path to, String except) throws IOException {
        try (Stream<Path> entries = Files.list(from)) {
            for (Path entry : entries.toList()) {
                if (Files.isDirectory(entry) && !entry.getFileName().toString().equals(except)) {
                    Files.createSymbolicLink(to.resolve(entry.getFileName()), entry.toAbsolutePath());
                }
            }
        }
    }

    /** What {@code install} does. */
    private void install(String module) throws IOException {
        String version = System.getProperty("attune.version");
        Path to = Files.createDirectories(repository.resolve("org/attune/" + module + "/" + version));
        boolean parent = module.equals("attune");
        Path from = parent ? Path.of("..") : Path.of("..", module);
        Files.copy(from.resolve("pom.xml"), to.resolve(module + "-" + version + ".pom"));
        if (!parent) {
            String jar = module + "-" + version + ".jar";
            Files.copy(from.resolve("target").resolve(jar), to.resolve(jar));
        }
    }

    /** Builds the project under another version. */
    Path build(String version) throws IOException, InterruptedException {
        Path pom = project.resolve("pom.xml");
        String text = Files.readString(pom);
        Files.writeString(pom, text.replace(FIRST, "<version>" + version + "</version>"));
        Path log = folder.resolve("mvn-" + version + ".txt");
        List<String> command = new ArrayList<>(
                List.of(System.getProperty("attune.maven"), "-q", "-B", "-Dmaven.repo.local=" + repository, "package"));
        if (System.getProperty("attune.maven.mode").equals("offline true")) {
            command.add("-o");
        }
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(project.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        Process maven = builder.start();
        if (!maven.waitFor(5, TimeUnit.MINUTES)) {
            maven.destroyForcibly();
        }
        Files.writeString(pom, text);
        if (maven.waitFor() != 0) {
            throw new AssertionError("the example does not build:\n" + Files.readString(log));
        }
        return project.resolve("target/scale-shift-" + version + ".jar");
    }
}
