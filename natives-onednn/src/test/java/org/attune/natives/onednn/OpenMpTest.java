package org.attune.natives.onednn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.bytedeco.dnnl.global.dnnl.dnnl_sgemm;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Loader;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class OpenMpTest {
    private static final AtomicInteger STARTED = new AtomicInteger();

    @BeforeAll
    static void onlyWhereTheLibraryIs() {
        assumeTrue(
                Loader.getPlatform().equals("linux-x86_64"), () -> "oneDNN is not bundled for " + Loader.getPlatform());
    }

    @Test
    void multipliesWithoutOpenClClasses() {
        try (FloatPointer a = new FloatPointer(1, 2, 3, 4);
                FloatPointer b = new FloatPointer(5, 6, 7, 8);
                FloatPointer c = new FloatPointer(4)) {
            assertThat(dnnl_sgemm((byte) 'N', (byte) 'N', 2, 2, 2, 1f, a, 2, b, 2, 0f, c, 2))
                    .isZero();
            float[] product = new float[4];
            c.get(product);
            assertThat(product).containsExactly(19, 22, 43, 50);
        }
    }

    /** OpenMP starts its helpers at a thread's first parallel work and keeps them, so counting them shows the setting. */
    @Test
    void limitsTheThreadsOfTheCallingThread() throws Exception {
        assertThat(inFreshThread(() -> helpersStartedWith(1))).isZero();
        assertThat(inFreshThread(() -> helpersStartedWith(3))).isEqualTo(2);
        assertThat(inFreshThread(() -> helpersStartedWith(1))).isZero();
    }

    @Test
    void refusesLessThanOneThread() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> OpenMp.setThreads(0))
                .withMessageContaining("0")
                .withMessageContaining("at least 1");
    }

    private static long helpersStartedWith(int threads) throws IOException {
        OpenMp.setThreads(threads);
        long before = openMpHelpers();
        int n = 512;
        try (FloatPointer a = new FloatPointer((long) n * n);
                FloatPointer b = new FloatPointer((long) n * n);
                FloatPointer c = new FloatPointer((long) n * n)) {
            assertThat(dnnl_sgemm((byte) 'N', (byte) 'N', n, n, n, 1f, a, n, b, n, 0f, c, n))
                    .isZero();
            return openMpHelpers() - before;
        }
    }

    /** A helper carries the name of the thread that started it, here {@link #inFreshThread}'s; Java's own threads do not. */
    private static long openMpHelpers() throws IOException {
        String name = Thread.currentThread().getName();
        try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
            return tasks.filter(task -> nameOf(task).equals(name)).count();
        }
    }

    private static String nameOf(Path task) {
        try {
            return Files.readString(task.resolve("comm")).strip();
        } catch (IOException e) {
            return "ended meanwhile";
        }
    }

    private static <T> T inFreshThread(Callable<T> work) throws Exception {
        FutureTask<T> task = new FutureTask<>(work);
        // A name of its own: helpers of an earlier one may be about to end.
        Thread thread = new Thread(task, "openmp-test-" + STARTED.incrementAndGet());
        thread.start();
        thread.join();
        return task.get();
    }
}
