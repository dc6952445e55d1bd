package org.attune.kernel.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class TeamTest {
    @Test
    void everyMemberRunsItsShareInEveryCall() {
        try (Team team = new Team(3)) {
            AtomicIntegerArray runs = new AtomicIntegerArray(3);
            for (int call = 0; call < 300; call++) {
                team.run(call % 3 + 1, runs::incrementAndGet);
            }
            assertThat(runs.get(0)).isEqualTo(300);
            assertThat(runs.get(1)).isEqualTo(200);
            assertThat(runs.get(2)).isEqualTo(100);
        }
    }

    @Test
    void membersSeeWhatOthersWroteBeforeTheyMet() {
        try (Team team = new Team(3)) {
            int[] written = new int[3];
            int[] sums = new int[3];
            for (int round = 1; round <= 100; round++) {
                int value = round;
                team.run(3, member -> {
                    written[member] = value;
                    team.meet();
                    sums[member] = written[0] + written[1] + written[2];
                    team.meet();
                });
                assertThat(sums).containsOnly(3 * round);
            }
        }
    }

    @Test
    void aFailureEndsTheCallForAllAndIsThrown() {
        try (Team team = new Team(2)) {
            assertThatThrownBy(() -> team.run(2, member -> {
                        if (member == 1) {
                            throw new IllegalArgumentException("share 1");
                        }
                        team.meet();
                    }))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("share 1");
            int[] done = new int[2];
            team.run(2, member -> {
                team.meet();
                done[member] = 1;
            });
            assertThat(done).containsExactly(1, 1);
        }
    }

    @Test
    void helpersEndWithTheTeam() throws InterruptedException {
        Thread[] helper = new Thread[1];
        try (Team team = new Team(2)) {
            team.run(2, member -> {
                if (member == 1) {
                    helper[0] = Thread.currentThread();
                }
            });
        }
        helper[0].join(10_000);
        assertThat(helper[0].isAlive()).isFalse();
    }
}
