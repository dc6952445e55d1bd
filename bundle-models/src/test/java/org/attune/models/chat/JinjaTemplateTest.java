package org.attune.models.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import org.attune.model.ChatMessage;
import org.attune.model.ChatText;
import org.attune.model.ChatText.Span;
import org.attune.plugin.UserError;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Expected texts are Jinja's as transformers sets it up. */
class JinjaTemplateTest {
    private static final List<ChatMessage> CHAT = List.of(
            new ChatMessage("system", " Be \"brief\". "),
            new ChatMessage("user", "Hi <b>"),
            new ChatMessage("assistant", "Yo"));

    private static ChatText render(String template) {
        return new JinjaTemplate("t.jinja", template, Map.of("bos_token", "<s>", "eos_token", "</s>"))
                .render(CHAT, true);
    }

    @Test
    void loopsConditionsAndSpecialTokens() {
        assertThat(render("{{ bos_token }}{% for m in messages %}{{ m['role'] + ':' + m.content }}"
                                + "{% if not loop.last %}|{% endif %}{% endfor %}"
                                + "{% if add_generation_prompt %}{{ eos_token }}{% endif %}")
                        .text())
                .isEqualTo("<s>system: Be \"brief\". |user:Hi <b>|assistant:Yo</s>");
    }

    @Test
    void blocksTakeTheirLinesWithThem() {
        assertThat(render(
                                "{% for m in messages %}\n  {% if m.role == 'user' %}\n{{ m.content }}\n  {% endif %}\n{% endfor %}\nend\n")
                        .text())
                .isEqualTo("Hi <b>\nend");
    }

    @Test
    void dashesTakeWhiteSpaceAway() {
        assertThat(render("a\n{%- macro f(x) -%}\n  {{- x }}\n{%- endmacro -%}\n{%- set y = 1 -%}\n{{ f(y) -}}\n b")
                        .text())
                .isEqualTo("a1b");
        assertThat(render("a\n  {%- if true -%}\n  b  \n  {%- endif -%}\n  c").text())
                .isEqualTo("abc");
    }

    @Test
    void namespacesKeepWhatALoopSets() {
        assertThat(render(
                                "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}")
                        .text())
                .isEqualTo("3");
    }

    @ParameterizedTest
    @CsvSource(
            delimiterString = " => ",
            ignoreLeadingAndTrailingWhitespace = false,
            quoteCharacter = '^',
            value = {
                "messages[1:] | length => 2",
                "messages[-1].content => Yo",
                "(messages[::-1] | list)[0].role => assistant",
                "messages[0].content.strip() => Be \"brief\".",
                "messages[0].content | trim => Be \"brief\".",
                "'xxaxx'.strip('x') => a",
                "'xxaxx'.lstrip('x') => axx",
                "'xxaxx'.rstrip('x') => xxa",
                "'a|b|c'.split('|')[1] => b",
                "'a|b|c'.split('|', 1)[1] => b|c",
                "'a</think>b'.split('</think>')[-1] => b",
                "'y' if 'ab'.startswith('a') and 'ab'.endswith('b') else 'n' => y",
                "'ab'.upper() + 'AB'.lower() + 'ab cd'.title() + 'ab'.capitalize() => ABabAb CdAb",
                "'y' if 'b' in 'abc' and 'z' not in 'abc' else 'n' => y",
                "'y' if tools is none and missing is not defined else 'n' => y",
                "'y' if messages[1].content is string and messages[1] is mapping and messages is iterable else 'n' => y",
                "'a' if messages[1].role == 'user' else 'b' => a",
                "messages | map(attribute='role') | join(', ') => system, user, assistant",
                "messages | selectattr('role', 'equalto', 'user') | list | length => 1",
                "messages[1].get('name', 'none') => none",
                "'x' ~ 1 ~ 'y' => x1y",
                "7 // 2 + 7 % 4 => 6",
                "{'a': 1, 'b': [true, none, 'é\"']} | tojson => {\"a\": 1, \"b\": [true, null, \"é\\\"\"]}",
            })
    void expressions(String expression, String expected) {
        assertThat(render("{{ " + expression + " }}").text()).isEqualTo(expected);
    }

    @Test
    void jsonMayBeIndented() {
        assertThat(render("{{ {'a': [1, {}], 'b': 2} | tojson(indent=4) }}").text())
                .isEqualTo("{\n    \"a\": [\n        1,\n        {}\n    ],\n    \"b\": 2\n}");
    }

    @Test
    void loopsMayHaveAConditionAndReverse() {
        assertThat(render("{% for m in messages if m.role != 'user' %}{{ loop.index0 }}{{ m.role }}{% endfor %}")
                        .text())
                .isEqualTo("0system1assistant");
        assertThat(render("{% for m in messages[::-1] %}{{ m.role }} {% endfor %}")
                        .text())
                .isEqualTo("assistant user system ");
        assertThat(render("{% for m in (messages if tools else []) %}{{ m.role }}{% else %}none{% endfor %}")
                        .text())
                .isEqualTo("none");
    }

    @Test
    void valuesOfANamespaceMayBeComputed() {
        assertThat(render(
                                "{% set ns = namespace(last=messages|length - 1, text='a)', on=true) %}{{ ns.last }}{{ ns.text }}")
                        .text())
                .isEqualTo("2a)");
    }

    @Test
    void notBindsLessThanIs() {
        assertThat(render("{% if not missing is defined %}a{% endif %}{% if not messages is defined %}b{% endif %}")
                        .text())
                .isEqualTo("a");
        assertThat(render("{% if strftime_now is defined and not ns.is_tool %}c{% endif %}")
                        .text())
                .isEqualTo("c");
    }

    @Test
    void macrosAreCalled() {
        assertThat(render("{% macro f(x, y='d') %}[{{ x }}{{ y }}]{% endmacro %}{{ f('a') }}{{ f('a', y='b') }}")
                        .text())
                .isEqualTo("[ad][ab]");
    }

    @Test
    void generationBlocksTellTheAssistantsPart() {
        ChatText chat = render(
                "{% for m in messages %}{{ m.role }}:{% if m.role == 'assistant' %}{% generation %}{{ m.content }}"
                        + "</s>{% endgeneration %}{% else %}{{ m.content }}{% endif %}\n{% endfor %}");
        int start = chat.text().indexOf("Yo");
        assertThat(chat.generated()).containsExactly(new Span(start, start + "Yo</s>".length()));
        assertThat(chat.text()).isEqualTo("system: Be \"brief\". user:Hi <b>assistant:Yo</s>");
    }

    @Test
    void theTimeIsWrittenAsPythonDoes() {
        LocalDateTime time = LocalDateTime.of(2024, 7, 4, 15, 6, 7);
        assertThat(JinjaFunctions.strftime(time, "%d %b %Y, %A %-d %B, %H:%M:%S %I%p 100%%"))
                .isEqualTo("04 Jul 2024, Thursday 4 July, 15:06:07 03PM 100%");
        assertThat(render("{{ strftime_now('%Y') }}").text()).matches("\\d{4}");
    }

    @Test
    void aTemplateMayRefuseAChat() {
        assertThatThrownBy(() -> render("{{ raise_exception('no system messages') }}"))
                .isInstanceOf(UserError.class)
                .hasMessage("the chat template does not take this chat: no system messages");
    }

    @Test
    void mistakesInATemplateNameFileAndLine() {
        assertThatThrownBy(() -> render("a\n{{ nothing() }}"))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith("t.jinja:2: ");
    }

    @Test
    void marksInAMessageAreRefused() {
        JinjaTemplate template = new JinjaTemplate("t", "{{ messages[0].content }}", Map.of());
        assertThatThrownBy(() -> template.render(List.of(new ChatMessage("user", "a\uFDD0")), false))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("U+FDD0");
    }
}
