package org.attune.benchmarks;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import org.attune.model.Forward;
import org.attune.model.Model;
import org.attune.tensor.Tensor;

/** A model that computes the last hidden states of all tokens, as the peer does, even where only some are read. */
record WholeLastLayer(Model model) {
    static Model of(Model model) {
        WholeLastLayer whole = new WholeLastLayer(model);
        return (Model) Proxy.newProxyInstance(
                Model.class.getClassLoader(),
                new Class<?>[] {Model.class},
                (proxy, method, arguments) -> whole.call(method, arguments));
    }

    private Object call(Method method, Object[] arguments) throws Throwable {
        if (method.getName().equals("encode") && arguments.length == 2) {
            Tensor all = model.encode((Forward) arguments[0]);
            return arguments[1] == null ? all : all.gatherRows((int[]) arguments[1]);
        }
        try {
            return method.invoke(model, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }
}
