package org.attune.launcher;

import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.function.ToIntFunction;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;
import org.osgi.framework.FrameworkUtil;

/** The smallest bundle with a main and a shutdown service; {@link LauncherTest} packs it into a jar. */
public final class MainBundle implements BundleActivator {
    private final CountDownLatch asked = new CountDownLatch(1);

    @Override
    public void start(BundleContext context) {
        ToIntFunction<String[]> main = args -> main(context, args);
        context.registerService(ToIntFunction.class, main, FrameworkUtil.asDictionary(Map.of("attune.main", true)));
        Runnable shutdown = () -> {
            System.out.println("asked to save");
            asked.countDown();
        };
        context.registerService(Runnable.class, shutdown, FrameworkUtil.asDictionary(Map.of("attune.shutdown", true)));
    }

    private int main(BundleContext context, String[] args) {
        if (args[0].equals("states")) {
            for (Bundle bundle : context.getBundles()) {
                System.out.println(bundle.getSymbolicName() + " " + bundle.getState());
            }
            return 0;
        }
        System.out.println("main on " + Thread.currentThread().getName() + " " + Arrays.toString(args));
        return switch (args[0]) {
            case "exit" -> Integer.parseInt(args[1]);
            case "wait" -> waitUntilAsked();
            default -> throw new IllegalStateException("as asked");
        };
    }

    private int waitUntilAsked() {
        try {
            asked.await();
            System.out.println("main saved");
            return 0;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void stop(BundleContext context) {
        if (asked.getCount() == 0) {
            System.out.println("bundle stopped");
        }
    }
}
