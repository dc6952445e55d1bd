package com.example.attune;

import java.util.List;
import java.util.stream.Stream;
import org.attune.testkit.plugin.AdapterContract;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

class ScaleShiftTest {
    /** Identity at the start, gradients, saving and loading, merging, resuming, swapping, composing: what every adapter promises. */
    @TestFactory
    Stream<DynamicTest> keepsTheContract() {
        return AdapterContract.of(new ScaleShift(), new ScaleShiftOptions(List.of("query", "output.dense")))
                .tests();
    }
}
