package org.attune.kernel.spec;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NearestNameTest {
    private static final List<String> KNOWN =
            List.of("optimizer", "rank", "alpha", "max_length", "lr", "rate", "head-only", "shuffle");

    @ParameterizedTest
    @CsvSource({
        "optimiser,optimizer",
        "optmizer,optimizer",
        "rnak,rank",
        "Alpha,alpha",
        "max-length,max_length",
        "maxLength,max_length",
        "lt,lr",
        "head_only,head-only",
        "shufle,shuffle"
    })
    void findsWhatWasMeant(String given, String meant) {
        assertThat(NearestName.of(given, KNOWN)).contains(meant);
    }

    @ParameterizedTest
    @CsvSource({"batch", "x", "optimism", "randomizer"})
    void suggestsNothingFarFetched(String given) {
        assertThat(NearestName.of(given, KNOWN)).isEmpty();
    }

    @Test
    void endsASentenceEitherWay() {
        assertThat(NearestName.question("rnak", KNOWN)).isEqualTo(", did you mean 'rank'?");
        assertThat(NearestName.question("q".repeat(10_000), KNOWN)).isEqualTo(".");
        assertThat(NearestName.question("rank", List.of())).isEqualTo(".");
    }

    @Test
    void tiesGoByTheAlphabet() {
        assertThat(NearestName.of("rack", List.of("rask", "rank", "rark"))).contains("rank");
    }
}
