package org.attune.shell.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import org.attune.plugin.UserError;
import org.attune.shell.text.Terminal;

/** Lines of standard input, asked for where a person types them. */
final class StandardInput implements ChatCommand.Questions {
    private final Terminal terminal;
    private final BufferedReader reader;

    StandardInput(Terminal terminal, InputStream in) {
        this.terminal = terminal;
        this.reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
    }

    @Override
    public Optional<String> ask(String prompt) {
        if (terminal.interactive() && Terminal.isTerminal(0)) {
            terminal.err().print(prompt);
            terminal.err().flush();
        }
        try {
            return Optional.ofNullable(reader.readLine());
        } catch (IOException e) {
            throw UserError.cannot("read", Path.of("standard input"), e);
        }
    }
}
