package org.attune.kernel.trial;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Set;
import org.attune.tensor.DType;
import org.attune.tensor.engine.TensorEngine;

/** An engine that says that it has no other types than float32 and bfloat16. */
record SingleOnly(TensorEngine inner) {
    TensorEngine engine() {
        return (TensorEngine) Proxy.newProxyInstance(
                SingleOnly.class.getClassLoader(), new Class<?>[] {TensorEngine.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("dtypes")) {
                        return Set.of(DType.FLOAT32, DType.BFLOAT16);
                    }
                    try {
                        return method.invoke(inner, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }
}
