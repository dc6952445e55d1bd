package org.attune.kernel.step;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Optional;
import org.attune.kernel.fake.TinyModel;
import org.attune.model.AttachPoint;
import org.attune.plugin.UserError;
import org.attune.tensor.reference.ReferenceEngine;
import org.attune.training.Adapter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WiringTest {
    private static final String Q0 = "tiny.layer.0.query";
    private static final String Q1 = "tiny.layer.1.query";
    private static final String V1 = "tiny.layer.1.value";

    private final ReferenceEngine engine = new ReferenceEngine();
    private final TinyModel model = new TinyModel(engine);
    private final Adapter.Attachment side =
            new Wiring(model).attachment(new ParameterStore(engine, model, 0).claim(Optional.empty()));

    private List<String> match(String... targets) {
        return side.match(AttachPoint.Kind.LINEAR, List.of(targets)).stream()
                .map(AttachPoint::path)
                .toList();
    }

    @Test
    void aTargetIsAPathOrItsEnd() {
        assertThat(match(Q1)).containsExactly(Q1);
        assertThat(match("query")).containsExactly(Q0, Q1);
        assertThat(match("1.query")).containsExactly(Q1);
    }

    @Test
    void manyTargetsGiveEachPointOnceInForwardOrder() {
        assertThat(match("value", "query", Q0)).containsExactly(Q0, Q1, V1);
    }

    @Test
    void aSingleTargetMayBeARegularExpressionForTheWholePath() {
        assertThat(match("tiny\\.layer\\.1\\..*")).containsExactly(Q1, V1);
        assertThatThrownBy(() -> match("layer\\.1\\..*")).isInstanceOf(UserError.class);
        assertThatThrownBy(() -> match(".*query", "value"))
                .as("one of several is no expression, as in PEFT")
                .isInstanceOf(UserError.class);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void allLinearLeavesTheHeadOut(boolean masked) {
        Adapter.Attachment headed = new Wiring(masked ? model.withMaskedHead() : model.withTiedHead())
                .attachment(new ParameterStore(engine, model, 0).claim(Optional.empty()));
        assertThat(headed.allLinear()).extracting(AttachPoint::path).containsExactly(Q0, Q1, V1);
        assertThat(headed.match(AttachPoint.Kind.LINEAR, List.of("lm_head"))).hasSize(1);
    }

    @Test
    void aTargetThatMatchesNothingIsAnErrorThatListsWhatThereIs() {
        assertThatThrownBy(() -> match("query", "key"))
                .isInstanceOf(UserError.class)
                .hasMessage("target 'key' matches no linear attach point; there are query, value");
        assertThatThrownBy(() -> match("uery")).isInstanceOf(UserError.class);
        assertThatThrownBy(() -> match("embeddings")).as("of another kind").isInstanceOf(UserError.class);
    }

    @Test
    void aBrokenExpressionIsNamed() {
        assertThatThrownBy(() -> match("que(ry"))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("target 'que(ry' is no path and no regular expression");
    }

    @Test
    void transformsThatWouldNeverActAreRefused() {
        assertThatThrownBy(() -> side.linear("tiny.layer.9.query", (forward, x, inner) -> inner.apply(x)))
                .hasMessageContaining("no attach point 'tiny.layer.9.query'");
        assertThatThrownBy(() -> side.linear("tiny.embeddings", (forward, x, inner) -> inner.apply(x)))
                .hasMessageContaining("'tiny.embeddings' is no linear map");
        assertThatThrownBy(() -> side.output("tiny.layer.0.mlp", (forward, y) -> y))
                .hasMessageContaining("'tiny.layer.0.mlp' is no module with an output");
        assertThatThrownBy(() -> side.residual(Q0, (forward, at) -> at.z()))
                .hasMessageContaining("'tiny.layer.0.query' is no residual sum");
    }
}
