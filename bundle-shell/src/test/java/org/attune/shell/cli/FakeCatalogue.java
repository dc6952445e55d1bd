package org.attune.shell.cli;

import java.util.ArrayList;
import java.util.List;
import org.attune.trial.Catalogue;

public final class FakeCatalogue implements Catalogue {
    @Override
    public List<PluginInfo> plugins() {
        return List.of(
                new PluginInfo("trainer", "classification", "1.0.0", "a head over each text", "org.x", List.of()),
                new PluginInfo(
                        "adapter",
                        "lora",
                        "1.2.0",
                        "low-rank updates",
                        "org.x",
                        List.of(
                                new OptionInfo("rank", "integer", "8", ">= 1", "rank of the update"),
                                new OptionInfo("targets", "list of text", null, "", "modules to adapt"))));
    }

    @Override
    public List<ModelInfo> models() {
        return List.of(new ModelInfo("models/bert", "bert", "cpu", "bfloat16", 22_713_216, "0123456789abcdef", 1));
    }

    @Override
    public List<EngineInfo> engines() {
        return List.of(
                new EngineInfo("reference", "float64", 0, 0, 0, 0, List.of()),
                new EngineInfo("cpu", "float32", 2_048, 4_096, 0, 77, operations()));
    }

    private static List<OperationInfo> operations() {
        List<OperationInfo> operations = new ArrayList<>();
        operations.add(new OperationInfo("linear 384x1536", 10, 0.5, 50_000_000_000L, 40_000_000));
        operations.add(new OperationInfo("unary GELU", 10, 0.25, 0, 5_000_000_000L));
        for (int i = 0; i < 20; i++) {
            operations.add(new OperationInfo("small " + i, 1, 0.0125, 0, 100));
        }
        return operations;
    }
}
