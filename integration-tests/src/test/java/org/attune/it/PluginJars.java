package org.attune.it;

import aQute.bnd.osgi.Builder;
import aQute.bnd.osgi.Constants;
import aQute.bnd.osgi.Jar;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;

/** Makes bundles of the plug-ins that this module's tests bring along. Used outside of the framework. */
final class PluginJars {
    private final Path folder;

    PluginJars(Path folder) {
        this.folder = folder;
    }

    /**
     * A bundle of one package below {@code org.attune.it.plugins}, as {@code FOLDER/PACKAGE-VERSION.jar}.
     *
     * @param name the bundle's symbolic name
     */
    void make(String name, String version, String sourcePackage) {
        try (Builder builder = new Builder()) {
            Files.createDirectories(folder);
            for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
                if (Files.isDirectory(Path.of(entry)) || entry.endsWith(".jar")) {
                    builder.addClasspath(new File(entry));
                }
            }
            builder.setProperty(Constants.BUNDLE_SYMBOLICNAME, name);
            builder.setProperty(Constants.BUNDLE_VERSION, version);
            builder.setProperty(Constants.PRIVATEPACKAGE, "org.attune.it.plugins." + sourcePackage);
            try (Jar jar = builder.build()) {
                if (!builder.isOk()) {
                    throw new IllegalStateException(builder.getErrors() + " " + builder.getWarnings());
                }
                jar.write(folder.resolve(sourcePackage + "-" + version + ".jar").toFile());
            }
        } catch (IllegalStateException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException("bundle " + name, e);
        }
    }
}
