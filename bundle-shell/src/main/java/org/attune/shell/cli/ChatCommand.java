package org.attune.shell.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.attune.generation.Decoding;
import org.attune.generation.Generated;
import org.attune.generation.Generation;
import org.attune.generation.Generator;
import org.attune.model.ChatMessage;
import org.attune.model.ChatTokens;
import org.attune.plugin.UserError;
import org.attune.shell.text.Faults;
import org.attune.shell.text.Printable;
import org.attune.shell.text.Terminal;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
        name = "chat",
        header = "Talk with a model.",
        description = {
            "%nEach line is a message; the answer is written as it comes. /new begins another chat, /undo takes the last message "
                    + "and its answer back, /exit or the end of the input ends.%n"
        },
        sortOptions = false,
        footer = {
            "%nExamples:",
            "  attune chat --model models/smollm2 --temperature 0.7 --top-p 0.9",
            "  attune chat --run runs/instruct-20260101-120000 --system 'You answer in one sentence.'"
        })
final class ChatCommand implements Runnable {
    private final Services services;
    private final Terminal terminal;
    private final Questions questions;

    @Option(
            names = {"-s", "--system"},
            paramLabel = "TEXT",
            description = "The system's message at the beginning.")
    private String system;

    @Mixin
    private GenerationOptions options;

    /** Where messages come from. */
    @FunctionalInterface
    interface Questions {
        /** The next line; empty at the end. */
        Optional<String> ask(String prompt);
    }

    ChatCommand(Services services, Questions questions) {
        this.services = services;
        this.terminal = services.terminal();
        this.questions = questions;
    }

    @Override
    public void run() {
        Decoding decoding = options.decoding();
        Generation.Source source = options.source();
        try (Generator generator =
                services.showingDownloads(() -> services.generation().open(source))) {
            List<ChatMessage> messages = beginning();
            ChatTokens.prompt(generator.model(), List.of(new ChatMessage("user", ""))); // a template must be there
            while (true) {
                Optional<String> line = questions.ask("you> ").map(String::strip);
                if (line.isEmpty() || line.get().equals("/exit")) {
                    return;
                }
                switch (line.get()) {
                    case "" -> {}
                    case "/new" -> messages = beginning();
                    case "/undo" -> undo(messages);
                    default -> answer(generator, decoding, messages, line.get());
                }
            }
        }
    }

    private List<ChatMessage> beginning() {
        List<ChatMessage> messages = new ArrayList<>();
        if (system != null) {
            messages.add(new ChatMessage("system", system));
        }
        return messages;
    }

    private static void undo(List<ChatMessage> messages) {
        int last = messages.size();
        if (last >= 2 && messages.get(last - 1).role().equals("assistant")) {
            messages.subList(last - 2, last).clear();
        }
    }

    private void answer(Generator generator, Decoding decoding, List<ChatMessage> messages, String line) {
        messages.add(new ChatMessage("user", line));
        try {
            int[] prompt = ChatTokens.prompt(generator.model(), messages);
            Generated answer = generator
                    .generate(List.of(prompt), decoding, (which, piece) -> {
                        terminal.out().print(Printable.of(piece));
                        terminal.out().flush();
                        return true;
                    })
                    .get(0);
            terminal.out().println(answer.end() == Generated.End.LENGTH ? " …" : "");
            messages.add(new ChatMessage("assistant", answer.text()));
        } catch (UserError e) { // the chat has grown too long, or the template refuses it: the rest of it stays
            messages.remove(messages.size() - 1);
            Faults.line(terminal, e.getMessage() + "; /new begins another chat");
        }
    }
}
