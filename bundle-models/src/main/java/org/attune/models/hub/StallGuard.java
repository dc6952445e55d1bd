package org.attune.models.hub;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Ends a stream that gives nothing for too long, with an IOException where it is read: the HTTP library's own limits end with a
 * response's headers.
 */
final class StallGuard extends FilterInputStream {
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "attune-download-clock");
        thread.setDaemon(true);
        return thread;
    });
    private final Duration limit;
    private volatile long last = System.nanoTime();
    private volatile boolean stalled;

    @SuppressWarnings("FutureReturnValueIgnored") // it runs until the clock is shut down
    StallGuard(InputStream in, Duration limit) {
        super(in);
        this.limit = limit;
        long period = Math.max(1, limit.toMillis() / 10);
        clock.scheduleWithFixedDelay(this::look, period, period, TimeUnit.MILLISECONDS);
    }

    private void look() {
        if (System.nanoTime() - last > limit.toNanos()) {
            stalled = true;
            try {
                in.close(); // whoever waits in read gets an exception, or the end
            } catch (IOException e) {
                return; // it is closed all the same
            }
        }
    }

    @Override
    public int read(byte[] bytes, int from, int count) throws IOException {
        last = System.nanoTime();
        try {
            int n = in.read(bytes, from, count);
            if (!stalled) {
                return n;
            }
        } catch (IOException e) {
            if (!stalled) {
                throw e;
            }
        }
        throw new IOException("nothing came for " + limit.toSeconds() + " s");
    }

    @Override
    public void close() throws IOException {
        clock.shutdownNow();
        in.close();
    }
}
