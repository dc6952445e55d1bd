package org.attune.kernel.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

/** Values of PyTorch 2.13, each after {@code torch.manual_seed(18)}. */
class TorchRandomTest {
    private static final float[] NORMAL = {
        1.5740385055541992f,
        -2.237058401107788f,
        -0.2905856966972351f,
        1.0296823978424072f,
        0.0842355266213417f,
        0.7316011786460876f,
        0.5333870053291321f,
        -0.789142370223999f,
        -0.23828193545341492f,
        0.7666889429092407f,
        -1.4764639139175415f,
        0.04223592206835747f,
        0.0690770074725151f,
        -0.8365033864974976f,
        0.18049028515815735f,
        -0.4100578725337982f,
        2.0653791427612305f,
        -1.0497578382492065f,
        0.47920456528663635f,
        0.6986923813819885f
    };

    private final TorchRandom random = new TorchRandom(18);

    /** {@code torch.empty(3).uniform_(-0.5, 0.25).tolist()}. */
    @Test
    void uniformNumbersAreThoseOfPyTorch() {
        assertThat(random.uniform(3, -0.5, 0.25))
                .containsExactly(-0.1281452476978302f, -0.15593253076076508f, -0.20295178890228271f);
    }

    /** {@code torch.empty(700).uniform_()[-1].item()}: beyond the 624 numbers of a state. */
    @Test
    void theStateIsRenewed() {
        assertThat(random.uniform(700, 0, 1)[699]).isEqualTo(0.883991539478302f);
    }

    /** {@code torch.empty(3).uniform_(-0.5, 0.25); torch.randn(20).tolist()}: sixteen, of which four are drawn over. */
    @Test
    void normalNumbersAreThoseOfPyTorch() {
        random.uniform(3, -0.5, 0.25);
        assertThat(random.normal(20)).containsExactly(NORMAL, within(1e-6f));
    }

    @Test
    void fewNormalNumbersAreRefused() {
        assertThatThrownBy(() -> random.normal(15)).hasMessageContaining("at least 16");
    }
}
