package org.attune.shell.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.attune.generation.Decoding;
import org.attune.generation.Generated;
import org.attune.generation.Generation;
import org.attune.generation.Generator;
import org.attune.generation.TextListener;
import org.attune.model.ChatMessage;
import org.attune.model.ChatTokens;
import org.attune.model.Model;
import org.attune.plugin.UserError;
import org.attune.shell.text.Printable;
import org.attune.shell.text.Terminal;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "generate",
        header = "Generate text.",
        description = {
            "%nGoes on from each prompt. The text of one prompt is written as it comes; those of several are computed together and "
                    + "written one after another. Without a prompt it is read from standard input.%n"
        },
        sortOptions = false,
        footer = {
            "%nExamples:",
            "  attune generate --model models/smollm2 --chat 'Name three fruits.'",
            "  attune generate --run runs/instruct-20260101-120000 --file prompts.txt --json > texts.json",
            "  attune generate --model models/gpt2 -t 0.8 --top-p 0.95 --seed 3 'Once upon a time'"
        })
final class GenerateCommand implements Runnable {
    private final Services services;
    private final Terminal terminal;

    @Parameters(paramLabel = "PROMPT", arity = "0..*", description = "A text to go on from.")
    private List<String> texts = new ArrayList<>();

    @Option(
            names = {"-f", "--file"},
            paramLabel = "FILE",
            description = "A file with a prompt on each line.")
    private Path file;

    @Option(
            names = {"-c", "--chat"},
            description = "Prompts are what a user says: the model's chat template is put around them.")
    private boolean chat;

    @Option(
            names = {"-s", "--system"},
            paramLabel = "TEXT",
            description = "The system's message in front of them; implies --chat.")
    private String system;

    @Mixin
    private GenerationOptions options;

    @Option(
            names = "--json",
            description = "Print JSON on standard output: each text with its prompt, its tokens and its end.")
    private boolean json;

    GenerateCommand(Services services) {
        this.services = services;
        this.terminal = services.terminal();
    }

    @Override
    public void run() {
        Decoding decoding = options.decoding();
        Generation.Source source = options.source();
        List<String> prompts = prompts();
        try (Generator generator =
                services.showingDownloads(() -> services.generation().open(source))) {
            List<int[]> ids = prompts.stream()
                    .map(text -> tokens(generator.model(), text))
                    .toList();
            boolean streams = !json && prompts.size() == 1;
            TextListener listener = (prompt, piece) -> {
                if (streams) {
                    terminal.out().print(Printable.of(piece));
                    terminal.out().flush();
                }
                return true;
            };
            long start = System.nanoTime();
            List<Generated> texts = generator.generate(ids, decoding, listener);
            double seconds = (System.nanoTime() - start) * 1e-9;
            if (json) {
                terminal.out().println(json(prompts, texts).toPrettyString());
            } else if (streams) {
                terminal.out().println();
            } else {
                print(prompts, texts);
            }
            if (terminal.interactive()) {
                terminal.err().println(rate(texts, seconds));
            }
        }
    }

    private List<String> prompts() {
        List<String> prompts = new ArrayList<>(texts);
        try {
            if (file != null) {
                Files.readAllLines(file).stream()
                        .filter(line -> !line.isBlank())
                        .forEach(prompts::add);
            } else if (prompts.isEmpty()) {
                if (Terminal.isTerminal(0)) {
                    throw new UserError("no prompt; give one, or --file FILE, or pipe one in");
                }
                prompts.add(new String(System.in.readAllBytes(), StandardCharsets.UTF_8).stripTrailing());
            }
        } catch (IOException e) {
            throw UserError.cannot("read", file == null ? Path.of("standard input") : file, e);
        }
        if (prompts.isEmpty()) {
            throw new UserError(file + ": no prompt in it; expected one on each line");
        }
        return prompts;
    }

    private int[] tokens(Model model, String text) {
        if (!chat && system == null) {
            return model.tokenizer().encode(text, Integer.MAX_VALUE);
        }
        List<ChatMessage> messages = new ArrayList<>();
        if (system != null) {
            messages.add(new ChatMessage("system", system));
        }
        messages.add(new ChatMessage("user", text));
        return ChatTokens.prompt(model, messages);
    }

    private void print(List<String> prompts, List<Generated> texts) {
        for (int i = 0; i < texts.size(); i++) {
            terminal.out().println((i == 0 ? "" : "\n") + "# " + Printable.of(prompts.get(i)));
            terminal.out().println(Printable.of(texts.get(i).text()));
        }
    }

    private static ArrayNode json(List<String> prompts, List<Generated> texts) {
        ArrayNode all = JsonNodeFactory.instance.arrayNode();
        for (int i = 0; i < texts.size(); i++) {
            Generated generated = texts.get(i);
            ObjectNode one = all.addObject()
                    .put("prompt", prompts.get(i))
                    .put("text", generated.text())
                    .put("end", generated.end().name().toLowerCase(Locale.ROOT))
                    .put("prompt_tokens", generated.promptTokens())
                    .put("tokens", generated.ids().length);
            ArrayNode ids = one.putArray("ids");
            for (int id : generated.ids()) {
                ids.add(id);
            }
        }
        return all;
    }

    private static String rate(List<Generated> texts, double seconds) {
        int tokens = texts.stream().mapToInt(text -> text.ids().length).sum();
        return String.format(Locale.ROOT, "%d tokens in %.1f s, %.1f a second", tokens, seconds, tokens / seconds);
    }
}
