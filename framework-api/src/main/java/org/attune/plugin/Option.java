package org.attune.plugin;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Declares one option of a plug-in on a component of its options record. The same declaration feeds validation, the
 * shell's help and completion, and the generated reference.
 *
 * <p>The option's name in a spec is the component's name in snake case ({@code maxLength} is {@code max_length}). A
 * component may be an {@code int}, {@code long}, {@code double}, {@code boolean}, {@link String}, an enum (written in
 * lower case, {@code -} for {@code _}), {@link java.nio.file.Path} (relative to the spec's folder), or a {@code List} of
 * {@code String}, {@code Integer} or {@code Double} (a single value counts as a list of one), or a {@code Map} from {@code String}
 * to one of these, which keeps the order written. Options that several plug-ins share are a record of their own: a component of
 * such a type, without this annotation, stands for the options in it.
 *
 * <pre>{@code
 * public record LoraOptions(
 *         @Option(value = "rank r of the update", defaults = "8", min = 1) int rank,
 *         @Option(value = "modules to adapt: path suffixes", defaults = "[query, value]") List<String> targets) {}
 * }</pre>
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
// The accessor gets it too, though nobody reads it there: bnd derives a bundle's imports from annotations of methods
// but not of
// record components, and an annotation whose package is not imported is silently gone at run time.
@Target({ElementType.RECORD_COMPONENT, ElementType.METHOD})
public @interface Option {
    /** Stands for "no default": the spec must give the option. */
    String REQUIRED = "\0required";

    /** What the option does, in one sentence, with its unit. */
    String value();

    /** The default as it would be written in a spec ({@code "[query, value]"}); an empty text is null for a Path. */
    String defaults() default REQUIRED;

    /** The smallest number allowed. */
    double min() default Double.NEGATIVE_INFINITY;

    /** The largest number allowed. */
    double max() default Double.POSITIVE_INFINITY;
}
