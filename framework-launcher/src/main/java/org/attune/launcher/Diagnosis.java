package org.attune.launcher;

import java.lang.reflect.Array;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;

/** Says why an expected service is not there: bundles that do not start, components that wait for something. */
final class Diagnosis {
    private static final String RUNTIME = "org.osgi.service.component.runtime.ServiceComponentRuntime";

    private Diagnosis() {}

    static String of(BundleContext context, List<String> failures) {
        List<String> findings = new ArrayList<>(failures);
        try {
            findings.addAll(unsatisfiedComponents(context));
        } catch (ReflectiveOperationException e) {
            findings.add("its components could not be examined (" + e + ")");
        }
        return findings.isEmpty() ? "no bundle offers one" : String.join("; ", findings);
    }

    /** Without the list that the resolver's report ends with: it says once more what is missing. */
    static String oneLine(Throwable e) {
        Throwable cause = e.getCause() == null ? e : e.getCause();
        return String.valueOf(cause.getMessage() == null ? cause : cause.getMessage())
                .replaceAll("\\s+", " ")
                .replaceFirst(" Unresolved requirements: .*", "");
    }

    /** By reflection, as the class loader of the launcher does not see the bundles' classes. */
    private static List<String> unsatisfiedComponents(BundleContext context) throws ReflectiveOperationException {
        ServiceReference<?> reference = context.getServiceReference(RUNTIME);
        if (reference == null) {
            return List.of("no bundle runs Declarative Services");
        }
        Object runtime = context.getService(reference);
        Class<?> type = reference.getBundle().loadClass(RUNTIME);
        Method descriptions = type.getMethod("getComponentDescriptionDTOs", Bundle[].class);
        List<String> findings = new ArrayList<>();
        for (Object description : (Collection<?>) descriptions.invoke(runtime, (Object) new Bundle[0])) {
            Method configurations = type.getMethod("getComponentConfigurationDTOs", description.getClass());
            for (Object configuration : (Collection<?>) configurations.invoke(runtime, description)) {
                String obstacle = obstacle(configuration);
                if (!obstacle.isEmpty()) {
                    findings.add(field(description, "name") + obstacle);
                }
            }
        }
        return findings;
    }

    private static String obstacle(Object configuration) throws ReflectiveOperationException {
        StringBuilder text = new StringBuilder();
        Object failure = field(configuration, "failure");
        if (failure != null) {
            text.append(" fails: ")
                    .append(failure.toString().lines().findFirst().orElse(""));
        }
        Object references = field(configuration, "unsatisfiedReferences");
        for (int i = 0; i < Array.getLength(references); i++) {
            Object reference = Array.get(references, i);
            Object target = field(reference, "target");
            text.append(text.isEmpty() ? " waits for " : ", ")
                    .append(field(reference, "name"))
                    .append(target == null ? "" : " " + target);
        }
        return text.toString();
    }

    private static Object field(Object dto, String name) throws ReflectiveOperationException {
        return dto.getClass().getField(name).get(dto);
    }
}
