package org.attune.plugin;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.osgi.service.component.annotations.ComponentPropertyType;

/**
 * Names a plug-in; stands beside {@code @Component} and becomes the service properties {@code attune.name} and
 * {@code attune.description}. A spec finds the plug-in by this name, or by name and the version of its bundle
 * ({@code lora@1.2}).
 */
@ComponentPropertyType
@Retention(RetentionPolicy.CLASS)
@Target(ElementType.TYPE)
public @interface AttunePlugin {
    /** Makes the properties {@code attune.name} and {@code attune.description}. */
    String PREFIX_ = "attune.";

    /** Lower case letters, digits and {@code -}; unique among the plug-ins of a kind. */
    String name();

    /** One line for the table of plug-ins. */
    String description();
}
