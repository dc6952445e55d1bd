package org.attune.kernel.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.management.JMException;
import javax.management.ObjectName;

/** The machine and the Java virtual machine that a run is on, as far as numbers or times may depend on them. */
public final class Machine {
    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");
    /** Threads and kernels of the native libraries. */
    private static final String ENVIRONMENT = "(DNNL|ONEDNN|OMP|KMP|GOMP|MKL|OPENBLAS|CUDA)_.*";
    /** Other properties and arguments may hold secrets, and change no number. */
    private static final String FLAGS = "-X.*|--.*|-Dorg\\.bytedeco\\..*|-Dattune\\..*";

    private Machine() {}

    /** In numbers and words. */
    public static ObjectNode describe() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("cpu", cpu(CPU_INFO));
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
        if (!Files.isReadable(info)) {
            return null;
        }
        try {
            List<String> lines = Files.readAllLines(info);
            return lines.stream()
                    .filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse(null);
        } catch (IOException e) {
            return null;
        }
    }

    /** Bytes of memory: the container's limit in a container. The attribute's class is not in every Java runtime. */
    private static JsonNode memory() {
        try {
            Object bytes = ManagementFactory.getPlatformMBeanServer()
                    .getAttribute(new ObjectName("java.lang:type=OperatingSystem"), "TotalMemorySize");
            return JsonNodeFactory.instance.numberNode((Long) bytes);
        } catch (JMException e) {
            return JsonNodeFactory.instance.nullNode();
        }
    }
}
