package org.attune.kernel.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The machine and the Java virtual machine that a run is on, as far as numbers or times may depend on them. */
public final class Machine {
    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");
    /** Threads and kernels of the native libraries. */
    private static final String ENVIRONMENT = "(DNNL|ONEDNN|OMP|KMP|GOMP|MKL|OPENBLAS|CUDA)_.*";
    /** Other properties and arguments may hold secrets, and change no number. */
    private static final String FLAGS = "-X.*|--.*|-Dorg\\.bytedeco\\..*|-Dattune\\..*";

    /** Flags of Linux, the most first. */
    private static final Map<String, String> INSTRUCTIONS = instructions();

    private Machine() {}

    private static Map<String, String> instructions() {
        Map<String, String> names = new LinkedHashMap<>();
        names.put("amx_tile", "AVX-512 with AMX");
        names.put("avx512_bf16", "AVX-512 with bfloat16");
        names.put("avx512f", "AVX-512");
        names.put("avx2", "AVX2");
        return names;
    }

    /** In numbers and words. */
    public static ObjectNode describe() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("cpu", cpu(CPU_INFO));
        json.put("instructions", instructions(CPU_INFO));
        json.put("cores", Runtime.getRuntime().availableProcessors());
        json.set("memory_bytes", memory());
        json.put("os", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        json.put("arch", System.getProperty("os.arch"));
        json.put("java", System.getProperty("java.runtime.version"));
        json.put("jvm", System.getProperty("java.vm.name") + ", " + System.getProperty("java.vm.vendor"));
        ArrayNode flags = json.putArray("jvm_flags");
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(argument -> argument.matches(FLAGS))
                .forEach(flags::add);
        ObjectNode environment = json.putObject("environment");
        for (Map.Entry<String, String> e : new TreeMap<>(System.getenv()).entrySet()) {
            if (e.getKey().matches(ENVIRONMENT)) {
                environment.put(e.getKey(), e.getValue());
            }
        }
        return json;
    }

    /** The processor's name where the system tells it, else null. */
    static String cpu(Path info) {
        return value(info, "model name");
    }

    /** The widest instructions that kernels for x86 are compiled for, where the system tells them, else null. */
    static String instructions(Path info) {
        String flags = value(info, "flags");
        if (flags == null) {
            return null;
        }
        Set<String> all = new HashSet<>(Arrays.asList(flags.split(" ")));
        return INSTRUCTIONS.entrySet().stream()
                .filter(e -> all.contains(e.getKey()))
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse(null);
    }

    private static String value(Path info, String key) {
        if (!Files.isReadable(info)) {
            return null;
        }
        try (Stream<String> lines = Files.lines(info)) {
            return lines.filter(line -> line.startsWith(key))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse(null);
        } catch (IOException | UncheckedIOException e) {
            return null;
        }
    }

    /**
     * Bytes of memory: the container's limit in a container. The method's interface is not in every Java runtime, nor seen by every
     * bundle; asking the platform's MBean server instead takes a tenth of a second when nobody else has started it.
     */
    private static JsonNode memory() {
        try {
            Object bytes = ClassLoader.getPlatformClassLoader()
                    .loadClass("com.sun.management.OperatingSystemMXBean")
                    .getMethod("getTotalMemorySize")
                    .invoke(ManagementFactory.getOperatingSystemMXBean());
            return JsonNodeFactory.instance.numberNode((Long) bytes);
        } catch (ReflectiveOperationException | IllegalArgumentException e) { // the latter where the bean is another
            return JsonNodeFactory.instance.nullNode();
        }
    }
}
