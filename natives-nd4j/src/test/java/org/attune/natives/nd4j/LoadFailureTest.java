package org.attune.natives.nd4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The messages are those of the dynamic linker, of JavaCPP 1.5.7 and of ND4J 1.0.0-M2.1. */
class LoadFailureTest {
    private static final Optional<String> NO_DRIVER = Optional.empty();
    private static final Optional<String> DRIVER = Optional.of("535.104.05");

    private static Throwable linkError(String library) {
        return new UnsatisfiedLinkError("no jnicudart in java.library.path: /usr/java/packages/lib:/lib")
                .initCause(new UnsatisfiedLinkError("/cache/libjnicudart.so: " + library
                        + ": cannot open shared object file: No such file or directory"));
    }

    private static Throwable noDevice() {
        return new RuntimeException(new RuntimeException("No CUDA devices were found in system"));
    }

    @Test
    void aMachineWithNothing() {
        assertThat(LoadFailure.explain(linkError("libcudart.so.11.0"), NO_DRIVER))
                .isEqualTo("no NVIDIA driver is loaded, and library libcudart.so.11.0 is missing");
    }

    @Test
    void aToolkitWithoutADriver() {
        assertThat(LoadFailure.explain(noDevice(), NO_DRIVER)).isEqualTo("no NVIDIA driver is loaded");
        assertThat(LoadFailure.explain(linkError("libcuda.so.1"), NO_DRIVER))
                .isEqualTo("no NVIDIA driver is loaded, and library libcuda.so.1 is missing");
    }

    @Test
    void aDriverWithoutAToolkit() {
        assertThat(LoadFailure.explain(linkError("libcublas.so.11"), DRIVER))
                .isEqualTo("library libcublas.so.11 is missing (part of CUDA 11.6)");
    }

    @Test
    void aDriverWithoutItsOwnLibrary() {
        assertThat(LoadFailure.explain(linkError("libcuda.so.1"), DRIVER))
                .isEqualTo("driver 535.104.05 is loaded, but its library libcuda.so.1 is missing");
    }

    @Test
    void aDriverWithoutADevice() {
        assertThat(LoadFailure.explain(noDevice(), DRIVER))
                .isEqualTo("no CUDA device was found, or driver 535.104.05 is too old for CUDA 11.6");
    }

    @Test
    void aDeviceThatTheKernelsWereNotBuiltFor() {
        Throwable thrown = new RuntimeException(
                "Op [sum] failed", new RuntimeException("no kernel image is available for execution on the device"));
        assertThat(LoadFailure.explain(thrown, DRIVER))
                .isEqualTo("RuntimeException: no kernel image is available for execution on the device");
    }

    @Test
    void aLibraryThatNd4jNativeNeeds() {
        assertThat(LoadFailure.explain(linkError("libgomp.so.1"), NO_DRIVER))
                .isEqualTo("library libgomp.so.1 is missing");
        assertThat(LoadFailure.explain(
                        new UnsatisfiedLinkError("/cache/libnd4jcpu.so: /lib/x86_64-linux-gnu/libc.so.6:"
                                + " version `GLIBC_2.38' not found (required by /cache/libnd4jcpu.so)"),
                        NO_DRIVER))
                .isEqualTo("a system library is too old: it lacks GLIBC_2.38");
    }

    @Test
    void anythingElseIsTheRootCausesFirstLine() {
        assertThat(LoadFailure.explain(
                        new ExceptionInInitializerError(new IllegalStateException("first\nsecond")), NO_DRIVER))
                .isEqualTo("IllegalStateException: first");
    }

    @Test
    void theDriversVersionIsReadFromTheKernel() {
        assertThat(NvidiaDriver.parse("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15"
                        + " UTC 2023\nGCC version:  gcc version 12.2.0 (Debian 12.2.0-14)"))
                .contains("535.104.05");
    }
}
