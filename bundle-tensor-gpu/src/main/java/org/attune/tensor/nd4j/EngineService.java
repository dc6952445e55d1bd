package org.attune.tensor.nd4j;

import java.util.Map;
import org.attune.tensor.engine.TensorEngine;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.FrameworkUtil;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.condition.Condition;

/**
 * Publishes the engine while ND4J's natives are there, ranked by where they compute: on a GPU before the engine {@code cpu},
 * on the CPU after it. Nothing of ND4J is loaded here.
 */
@Component(service = {})
public final class EngineService {
    private static final int BEFORE_CPU = 30;
    private static final int AFTER_CPU = 10;

    private final Nd4jEngine engine = new Nd4jEngine();
    private final ServiceRegistration<TensorEngine> registration;

    /** @param natives the Condition with its properties */
    @Activate
    public EngineService(
            BundleContext context,
            @Reference(name = "natives", target = "(osgi.condition.id=attune.natives.nd4j)")
                    Map.Entry<Map<String, Object>, Condition> natives) {
        boolean cuda = "cuda".equals(natives.getKey().get("attune.nd4j.device"));
        registration = context.registerService(
                TensorEngine.class,
                engine,
                FrameworkUtil.asDictionary(Map.of(
                        "attune.name",
                        engine.name(),
                        "attune.description",
                        "float32 on ND4J, " + (cuda ? "on a GPU" : "on the CPU") + "; storage in 16 bits too",
                        Constants.SERVICE_RANKING,
                        cuda ? BEFORE_CPU : AFTER_CPU)));
    }

    /** Its users let go of the engine while it is unregistered; then its memory is freed. */
    @Deactivate
    public void stop() {
        registration.unregister();
        engine.close();
    }
}
