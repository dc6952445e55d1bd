package org.attune.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.attune.kernel.run.Machine;

/**
 * Makes {@code compare.sh}'s table of what it has kept: for each row a file of JSON lines, each the result of one side in one round.
 * A ratio is of one round, in which both sides ran one after the other; the table shows medians over rounds.
 */
public final class ComparisonTable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String END = "<!-- the end of what compare.sh writes -->";
    /** Between Zen 4, about 100 GFLOP/s a core in float32, and Zen 5, about 240. */
    private static final double FAST_CORE = 140;

    /** One line of the table. Targets are for machines with fast and with slower matrix units; NaN for none. */
    private record Line(
            String work,
            String row,
            String ours,
            String peer,
            ToDoubleFunction<JsonNode> measure,
            String unit,
            String floor,
            double share,
            double fast,
            double slow) {}

    private static final double NONE = Double.NaN;

    private static Line time(
            String work, String row, String ours, String peer, String floor, double share, double fast, double slow) {
        return new Line(work, row, ours, peer, ComparisonTable::seconds, "s", floor, share, fast, slow);
    }

    private static Line memory(String work, String row, String ours, String peer, double most) {
        return new Line(work, row, ours, peer, ComparisonTable::megabytes, "MB", null, NONE, most, most);
    }

    /** Tokens a second, of which more are better. */
    private static Line rate(String work, String type, String field, String floor, double share, double target) {
        return new Line(
                work,
                "generation",
                "attune " + type,
                "transformers " + type,
                result -> result.path(field).asDouble(NONE),
                "tokens/s",
                floor,
                share,
                target,
                target);
    }

    /** A base model in another form, beside the same decoded. */
    private static Line form(
            String work, String weights, String what, ToDoubleFunction<JsonNode> measure, String unit) {
        String side = "attune " + what + " ";
        return new Line(work, "blocks", side + weights, side + "decoded", measure, unit, null, NONE, NONE, NONE);
    }

    /** @param name what the table calls the form */
    private static Stream<Line> forms(String name, String weights) {
        return Stream.of(
                form(
                        "SmolLM2-135M " + name + " beside float32: decoding one sequence",
                        weights,
                        "generation",
                        result -> result.path("decode_tokens_per_s").asDouble(NONE),
                        "tokens/s"),
                form(
                        "the same: reading a prompt of 256 tokens",
                        weights,
                        "generation",
                        result -> result.path("prefill_tokens_per_s").asDouble(NONE),
                        "tokens/s"),
                form("the same: peak memory", weights, "generation", ComparisonTable::megabytes, "MB"),
                form("LoRA r=16 on all linears on top, 4×256", weights, "step", ComparisonTable::seconds, "s"),
                form("the same: peak memory", weights, "step", ComparisonTable::megabytes, "MB"));
    }

    private static final List<Line> MEASURED = List.of(
            time(
                    "LoRA step, MiniLM shape, 32×128, float32",
                    "lora-step",
                    "attune float32",
                    "peft float32",
                    "float32",
                    0.80,
                    2.3,
                    1.4),
            time("the same, bfloat16", "lora-step", "attune bfloat16", "peft bfloat16", "bfloat16", 0.73, 2.6, 1.8),
            time(
                    "last layer for the read token only, float32",
                    "lora-step",
                    "attune float32 read",
                    "peft float32",
                    "float32",
                    NONE,
                    2.7,
                    1.65),
            time(
                    "the same, bfloat16",
                    "lora-step",
                    "attune bfloat16 read",
                    "peft bfloat16",
                    "bfloat16",
                    NONE,
                    3.0,
                    2.2),
            time(
                    "full fine-tuning step, MiniLM shape, float32",
                    "full-step",
                    "attune float32",
                    "peft float32",
                    "float32",
                    0.70,
                    2.0,
                    1.15),
            time(
                    "LoRA r=16 on all linears, SmolLM2-135M shape, 4×256, float32",
                    "smollm2-step",
                    "attune float32",
                    "peft float32",
                    "float32",
                    0.70,
                    2.5,
                    1.7),
            time("the same, bfloat16", "smollm2-step", "attune bfloat16", "peft bfloat16", "bfloat16", 0.60, 2.5, 2.2),
            time(
                    "epoch on WordNet glosses, float32, against plain PEFT",
                    "wordnet-epoch",
                    "attune",
                    "peft",
                    "float32",
                    0.75,
                    4.0,
                    2.4),
            time(
                    "the same against length-grouped PEFT",
                    "wordnet-epoch",
                    "attune",
                    "peft grouped",
                    "float32",
                    NONE,
                    2.5,
                    1.45),
            time("head only on a frozen encoder, second epoch", "head-epoch", "attune", "peft", null, NONE, 50, 50),
            memory("peak memory, MiniLM LoRA step, float32", "lora-step", "attune float32", "peft float32", 0.45),
            memory("the same, bfloat16", "lora-step", "attune bfloat16", "peft bfloat16", 0.45),
            memory(
                    "peak memory, SmolLM2-shape LoRA step, float32",
                    "smollm2-step",
                    "attune float32",
                    "peft float32",
                    0.5),
            memory("the same, bfloat16", "smollm2-step", "attune bfloat16", "peft bfloat16", 0.5),
            time("cold start to the end of the first step", "cold-start", "attune", null, null, NONE, 4, 6),
            time(
                    "gradient checkpointing, MiniLM LoRA step: time beside without",
                    "checkpointing",
                    "attune minilm checkpointing",
                    "attune minilm",
                    null,
                    NONE,
                    NONE,
                    NONE),
            memory(
                    "the same: peak memory beside without",
                    "checkpointing",
                    "attune minilm checkpointing",
                    "attune minilm",
                    NONE),
            time(
                    "gradient checkpointing, SmolLM2-shape step: time beside without",
                    "checkpointing",
                    "attune smollm2 checkpointing",
                    "attune smollm2",
                    null,
                    NONE,
                    NONE,
                    NONE),
            memory(
                    "the same: peak memory beside without",
                    "checkpointing",
                    "attune smollm2 checkpointing",
                    "attune smollm2",
                    NONE),
            rate(
                    "generation, SmolLM2-135M: decoding one sequence, float32",
                    "float32",
                    "decode_tokens_per_s",
                    "memory",
                    0.60,
                    2.2),
            rate("the same, bfloat16", "bfloat16", "decode_tokens_per_s", "memory", 0.60, 2.8),
            rate("reading a prompt of 256 tokens, float32", "float32", "prefill_tokens_per_s", null, NONE, 2.5),
            rate("the same, bfloat16", "bfloat16", "prefill_tokens_per_s", null, NONE, 2.5),
            rate("16 prompts at once, float32", "float32", "batch16_tokens_per_s", null, NONE, 3),
            rate("the same, bfloat16", "bfloat16", "batch16_tokens_per_s", null, NONE, 3));

    private static final List<Line> LINES = Stream.of(
                    MEASURED.stream(),
                    forms("in its GGUF blocks", "blocks"),
                    forms("in NF4", "nf4"),
                    forms("in eight bits", "int8"))
            .flatMap(lines -> lines)
            .toList();

    private final Path data;
    private final JsonNode machine;
    private final Map<String, Map<String, Map<Integer, JsonNode>>> results = new HashMap<>();

    private ComparisonTable(Path data) throws IOException {
        this.data = data;
        machine = machine(data);
    }

    /** {@code machine ATTUNE PEER} prints what was compared; {@code table DATA RESULTS} writes and prints the table. */
    public static void main(String[] arguments) throws IOException {
        if (arguments[0].equals("machine")) {
            ObjectNode machine = Machine.describe();
            machine.put("attune", arguments[1]).put("peer", arguments[2]);
            System.out.println(machine);
        } else {
            Path data = Path.of(arguments[1]);
            String text = text(data);
            write(Path.of(arguments[2]), name(machine(data)), text);
            System.out.print(text);
        }
    }

    /** The table of all rows that there is something of, with the machine and the versions. */
    static String text(Path data) throws IOException {
        return new ComparisonTable(data).text();
    }

    /** Replaces what an earlier table of such a machine wrote; what people wrote around it, and other machines' tables, stay. */
    static void write(Path file, String machine, String text) throws IOException {
        String before = Files.exists(file) ? Files.readString(file) : "# Results\n\n";
        String begin = "<!-- compare.sh wrote what follows on " + machine + " -->";
        String block = begin + "\n" + text + END + "\n";
        int from = before.indexOf(begin);
        int to = from < 0 ? -1 : before.indexOf(END, from);
        Files.writeString(
                file,
                to < 0
                        ? before.stripTrailing() + "\n\n" + block
                        : before.substring(0, from)
                                + block
                                + before.substring(to + END.length()).stripLeading());
    }

    private String text() throws IOException {
        for (Line line : LINES) {
            if (!results.containsKey(line.row)) {
                results.put(line.row, read(data.resolve(line.row + ".jsonl")));
            }
        }
        StringBuilder text = new StringBuilder(head());
        text.append("| work | peer | Attune | ratio (range) | target | share of the floor | target | |\n")
                .append("|---|---|---|---|---|---|---|---|\n");
        LINES.stream().filter(line -> !side(line.row, line.ours).isEmpty()).forEach(line -> text.append(row(line)));
        return text.append('\n').append(accuracies()).toString();
    }

    private static Map<String, Map<Integer, JsonNode>> read(Path file) throws IOException {
        Map<String, Map<Integer, JsonNode>> sides = new HashMap<>();
        if (Files.exists(file)) {
            for (String line : Files.readAllLines(file)) {
                JsonNode json = JSON.readTree(line);
                sides.computeIfAbsent(json.path("side").asText(), side -> new HashMap<>())
                        .put(json.path("round").asInt(), json.path("result"));
            }
        }
        return sides;
    }

    private Map<Integer, JsonNode> side(String row, String side) {
        return results.getOrDefault(row, Map.of()).getOrDefault(side, Map.of());
    }

    private static JsonNode machine(Path data) throws IOException {
        Path file = data.resolve("machine.json");
        return Files.exists(file) ? JSON.readTree(file.toFile()) : JsonNodeFactory.instance.objectNode();
    }

    /** What makes its numbers comparable with another's. */
    private static String name(JsonNode machine) {
        return String.format(
                Locale.ROOT,
                "%s, %d processors, %s",
                machine.path("cpu").asText("unknown"),
                machine.path("cores").asInt(),
                machine.path("instructions").asText("unknown"));
    }

    private String head() {
        return String.format(
                Locale.ROOT,
                "### %s%n%n- Date: %s%n- Machine: %.0f GiB, %s%n- Attune: %s%n- Peer: %s%n"
                        + "- Floor, measured in each round, medians: a product 4096×384×1536 at %s GFLOP/s in float32 and %s in"
                        + " bfloat16 on all processors; memory is read at %s GB/s%n%n",
                name(machine),
                LocalDate.now(ZoneOffset.UTC),
                machine.path("memory_bytes").asDouble() / (1 << 30),
                machine.path("os").asText("unknown"),
                machine.path("attune").asText("unknown"),
                machine.path("peer").asText("unknown"),
                number(floor("float32")),
                number(floor("bfloat16")),
                number(floor("memory")));
    }

    /** Over all rows and rounds. */
    private double floor(String what) {
        return median(results.values().stream()
                .flatMap(sides -> sides.getOrDefault("floor", Map.of()).values().stream())
                .mapToDouble(json -> json.path(what).asDouble(NONE))
                .toArray());
    }

    private boolean fast() {
        double threads = median(results.values().stream()
                .flatMap(sides -> sides.getOrDefault("floor", Map.of()).values().stream())
                .mapToDouble(json -> json.path("threads").asDouble())
                .toArray());
        return floor("float32") / threads >= FAST_CORE;
    }

    /** Targets that differ by machine are for such with AVX-512. */
    private double target(Line line) {
        boolean differs = line.peer != null && line.fast != line.slow;
        return differs && machine.path("instructions").asText().equals("AVX2") ? NONE : fast() ? line.fast : line.slow;
    }

    private String row(Line line) {
        Map<Integer, JsonNode> ours = side(line.row, line.ours);
        Map<Integer, JsonNode> peers = line.peer == null ? Map.of() : side(line.row, line.peer);
        boolean lower = line.unit.equals("MB") || line.row.equals("checkpointing");
        boolean rate = line.unit.equals("tokens/s");
        List<Double> ratios = new ArrayList<>();
        List<Double> shares = new ArrayList<>();
        ours.forEach((round, json) -> {
            double own = line.measure.applyAsDouble(json);
            if (peers.containsKey(round)) {
                double other = line.measure.applyAsDouble(peers.get(round));
                ratios.add(lower || rate ? own / other : other / own);
            }
            JsonNode floor = side(line.row, "floor").get(round);
            if (line.floor != null && floor != null) {
                double reached = rate ? json.path("decode_gb_per_s").asDouble(NONE) : gflop(json) / own;
                shares.add(reached / floor.path(line.floor).asDouble(NONE));
            }
        });
        double target = target(line);
        double value = line.peer == null ? median(values(line, ours)) : median(ratios);
        boolean atMost = lower || line.peer == null;
        List<String> missed = new ArrayList<>();
        if (!Double.isNaN(target) && !(atMost ? value <= target : value >= target)) {
            missed.add(line.peer == null ? "time" : "ratio");
        }
        if (!Double.isNaN(line.share) && !(median(shares) >= line.share)) {
            missed.add("share");
        }
        boolean targeted = !Double.isNaN(target) || !Double.isNaN(line.share);
        return String.join(
                        " | ",
                        "| " + line.work,
                        peers.isEmpty() ? "–" : number(median(values(line, peers))) + " " + line.unit,
                        number(median(values(line, ours))) + " " + line.unit,
                        ratios.isEmpty() ? "–" : number(median(ratios)) + range(ratios),
                        Double.isNaN(target)
                                ? "–"
                                : (atMost ? "≤ " : "≥ ") + number(target) + (line.peer == null ? " s" : ""),
                        shares.isEmpty() || Double.isNaN(median(shares)) ? "–" : number(median(shares)),
                        Double.isNaN(line.share) ? "–" : "≥ " + number(line.share),
                        !targeted ? "" : missed.isEmpty() ? "met" : "missed: " + String.join(", ", missed))
                + " |\n";
    }

    private static double[] values(Line line, Map<Integer, JsonNode> rounds) {
        return rounds.values().stream().mapToDouble(line.measure).toArray();
    }

    private static String range(List<Double> ratios) {
        return ratios.size() == 1
                ? ""
                : " (" + number(ratios.stream().mapToDouble(r -> r).min().orElseThrow()) + " to "
                        + number(ratios.stream().mapToDouble(r -> r).max().orElseThrow()) + ")";
    }

    /** Of the epoch: means over its seeds. */
    private String accuracies() {
        StringBuilder text = new StringBuilder();
        for (String side : List.of("peft", "peft grouped", "attune")) {
            Map<Integer, JsonNode> rounds = side("wordnet-epoch", side);
            if (!rounds.isEmpty()) {
                text.append(text.isEmpty() ? "Accuracy after the epoch on WordNet, means: " : ", ")
                        .append(side)
                        .append(String.format(
                                Locale.ROOT,
                                " %.4f over %d seeds",
                                rounds.values().stream()
                                        .mapToDouble(ComparisonTable::accuracy)
                                        .average()
                                        .orElseThrow(),
                                rounds.size()));
            }
        }
        return text.isEmpty() ? "" : text.append(".\n").toString();
    }

    // ---- results of both sides ----

    private static JsonNode trial(JsonNode result) {
        return result.path("trials").path(0);
    }

    private static double seconds(JsonNode result) {
        return result.has("median_s")
                ? result.path("median_s").asDouble()
                : result.path("seconds").asDouble(trial(result).path("seconds").asDouble(NONE));
    }

    private static double megabytes(JsonNode result) {
        return result.path("peak_mb").asDouble();
    }

    private static double accuracy(JsonNode result) {
        return result.path("accuracy")
                .asDouble(trial(result).path("scores").path("accuracy").asDouble(NONE));
    }

    /** Of a step, as counted; of an epoch of the quickstart, by its tokens. */
    private static double gflop(JsonNode result) {
        return result.has("gflop")
                ? result.path("gflop").asDouble()
                : quickstart(
                        trial(result).path("tokens").asDouble(NONE),
                        trial(result).path("examples").asDouble(NONE));
    }

    /**
     * The frozen weights' products in LoRA training of a MiniLM classifier: forward and to the input in each layer, without those to
     * the first layer's input, and in the last layer for the first token but keys and values. Attention's and LoRA's own products,
     * some percent, are left out.
     */
    private static double quickstart(double tokens, double examples) {
        double square = 2.0 * 384 * 384;
        double feedForward = 2 * 2.0 * 384 * 1536;
        double firstLayer = 2 * (4 * square + feedForward) - 3 * square;
        double fullLayers = 4 * 2 * (4 * square + feedForward);
        double lastForAll = 2 * 2 * square;
        double lastForOne = 2 * (2 * square + feedForward);
        return (tokens * (firstLayer + fullLayers + lastForAll) + examples * lastForOne) / 1e9;
    }

    // ---- numbers ----

    private static double median(List<Double> values) {
        return median(values.stream().mapToDouble(v -> v).toArray());
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int n = sorted.length;
        return n == 0 ? NONE : (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    }

    /** Three digits that count. */
    private static String number(double value) {
        if (Double.isNaN(value)) {
            return "?";
        }
        int decimals = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
        return String.format(Locale.ROOT, "%." + decimals + "f", value);
    }
}
