package org.attune.models.chat;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.interpret.TemplateError.ErrorType;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.attune.model.ChatMessage;
import org.attune.model.ChatTemplate;
import org.attune.model.ChatText;
import org.attune.model.ChatText.Span;
import org.attune.plugin.UserError;

/**
 * A chat template in Jinja, rendered as transformers renders it: {@code trim_blocks} and {@code lstrip_blocks} are on, and
 * {@code raise_exception}, {@code strftime_now}, {@code tojson} as Python writes JSON, {@code {% generation %}} and the methods of
 * Python's strings are there.
 */
public final class JinjaTemplate implements ChatTemplate {
    /** So long a text is no chat, but a template that does not end. */
    private static final long MOST_CHARACTERS = 1 << 26;

    private static final List<String> FUNCTIONS = List.of("raise_exception", "strftime_now");

    private final String source;
    private final String template;
    private final Map<String, String> special;
    private final Jinjava jinjava;

    /**
     * @param source what to call the template in messages
     * @param special the tokenizer's special tokens by their names in templates: {@code bos_token}
     */
    public JinjaTemplate(String source, String template, Map<String, String> special) {
        this.source = source;
        this.template = JinjaDialect.of(template);
        this.special = Map.copyOf(special);
        this.jinjava = inThisBundle(() -> new Jinjava(JinjavaConfig.newBuilder()
                .withMaxOutputSize(MOST_CHARACTERS)
                .withElResolver(new PythonMethods())
                .withLegacyOverrides(LegacyOverrides.newBuilder()
                        .withEvaluateMapKeys(true)
                        .withIterateOverMapKeys(true)
                        .withUsePyishObjectMapper(true)
                        .withUseNaturalOperatorPrecedence(true)
                        .withParseWhitespaceControlStrictly(true)
                        .withAllowAdjacentTextNodes(true)
                        .withUseTrimmingForNotesAndExpressions(true)
                        .withKeepNullableLoopValues(true)
                        .build())
                .build()));
        Context context = jinjava.getGlobalContext();
        context.registerTag(new FilteredForTag());
        context.registerTag(new GenerationTag());
        context.registerFilter(new PythonJson());
        context.registerFunction(
                new ELFunctionDefinition("", "raise_exception", JinjaFunctions.class, "raiseException", String.class));
        context.registerFunction(
                new ELFunctionDefinition("", "strftime_now", JinjaFunctions.class, "strftimeNow", String.class));
    }

    @Override
    public ChatText render(List<ChatMessage> messages, boolean generationPrompt) {
        Map<String, Object> variables = new HashMap<>(special);
        List<Map<String, Object>> turns = new ArrayList<>();
        for (ChatMessage message : messages) {
            GenerationTag.check(message.content());
            Map<String, Object> turn = new LinkedHashMap<>();
            turn.put("role", message.role());
            turn.put("content", message.content());
            turns.add(turn);
        }
        variables.put("messages", turns);
        variables.put("add_generation_prompt", generationPrompt);
        variables.put("tools", null);
        variables.put("documents", null);
        FUNCTIONS.forEach(function -> variables.put(function, true)); // templates ask whether they are defined
        RenderResult result = inThisBundle(() -> jinjava.renderForResult(template, variables));
        Optional<TemplateError> error = result.getErrors().stream()
                .filter(e -> e.getSeverity() == ErrorType.FATAL)
                .findFirst();
        if (error.isPresent()) {
            throw refusal(error.get());
        }
        List<Span> generated = new ArrayList<>();
        String text = GenerationTag.unmark(result.getOutput(), generated);
        return new ChatText(text, generated);
    }

    /** Jinjava finds classes of its own by the thread's class loader, which in OSGi is anybody's. */
    private static <T> T inThisBundle(Supplier<T> work) {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        thread.setContextClassLoader(JinjaTemplate.class.getClassLoader());
        try {
            return work.get();
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    private UserError refusal(TemplateError error) {
        for (Throwable t = error.getException(); t != null; t = t.getCause()) {
            if (t instanceof JinjaFunctions.Raised) {
                return new UserError("the chat template does not take this chat: " + t.getMessage());
            }
        }
        return new UserError(
                source + ":" + error.getLineno() + ": " + error.getMessage().replaceAll("\\p{Cntrl}+", " "));
    }
}
