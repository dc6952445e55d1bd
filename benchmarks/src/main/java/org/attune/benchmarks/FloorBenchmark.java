package org.attune.benchmarks;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Locale;
import org.attune.kernel.profile.Floor;
import org.attune.kernel.step.Workers;

/**
 * What the machine can do at most, as the cpu engine reaches it: GFLOP/s in a product 4096x384x1536 by element type, and how many
 * GB/s are read from memory, on all processors. Prints one JSON line.
 */
public final class FloorBenchmark {
    private FloorBenchmark() {}

    public static void main(String[] arguments) {
        try (Workers workers = new Workers(Runtime.getRuntime().availableProcessors(), "floor")) {
            Floor floor = Floor.measure(BenchmarkEngines.open("cpu"), workers);
            ObjectNode json = JsonNodeFactory.instance.objectNode().put("tool", "floor");
            floor.flops().forEach((type, rate) -> json.put(type.name().toLowerCase(Locale.ROOT), rate / 1e9));
            System.out.println(json.put("memory", floor.bytes() / 1e9).put("threads", floor.threads()));
        }
    }
}
