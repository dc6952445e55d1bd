package org.attune.models.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.attune.model.DownloadListener;
import org.attune.model.Model;
import org.attune.model.WeightForm;
import org.attune.models.TinyBert;
import org.attune.plugin.UserError;
import org.attune.tensor.reference.ReferenceEngine;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against a server of this process that plays the hub. */
class HubModelLoaderTest {
    private static final HubSource SOURCE = HubSource.parse("hf:org/name");
    private static final int SIZE = 300_000;

    @TempDir
    private Path cache;

    private final FakeHub hub = new FakeHub();

    @BeforeEach
    void aSmallModel() {
        hub.files.put("README.md", FakeHub.bytes(50, 1));
        hub.files.put("config.json", FakeHub.bytes(60, 2));
        hub.files.put("tokenizer.json", FakeHub.bytes(2000, 3));
        hub.files.put("tokenizer_config.json", FakeHub.bytes(70, 4));
        hub.files.put("chat_template.jinja", FakeHub.bytes(80, 5));
        hub.files.put("onnx/model.onnx", FakeHub.bytes(1200, 6));
        hub.files.put("pytorch_model.bin", FakeHub.bytes(1300, 7));
        hub.files.put("model.safetensors", FakeHub.bytes(SIZE, 8));
    }

    @AfterEach
    void stop() {
        hub.close();
    }

    private HubSettings settings(String endpoint) {
        return settings(endpoint, Duration.ofMinutes(1));
    }

    /** @param stall how long a server may be silent */
    private HubSettings settings(String endpoint, Duration stall) {
        return new HubSettings(
                URI.create(endpoint), Optional.of("hf_secret"), cache, false, stall, Duration.ofMillis(1));
    }

    private HubModelLoader loader(DownloadListener... listeners) {
        return new HubModelLoader(
                settings(hub.endpoint()),
                Stream.concat(Stream.of(hub.keeper), Stream.of(listeners)).toArray(DownloadListener[]::new));
    }

    /** One that no network is there for. */
    private HubModelLoader unconnected() {
        return new HubModelLoader(settings("http://127.0.0.1:1"));
    }

    private Path home() {
        return cache.resolve("models--org--name");
    }

    @Test
    void whatAModelIsMadeFromComesIntoTheLayoutOfPythonsCache() throws IOException {
        Path folder = loader().folder(SOURCE);

        assertThat(folder).isEqualTo(home().resolve("snapshots").resolve(FakeHub.COMMIT));
        assertThat(names(folder))
                .containsExactly(
                        "chat_template.jinja",
                        "config.json",
                        "model.safetensors",
                        "tokenizer.json",
                        "tokenizer_config.json");
        for (String name : names(folder)) {
            assertThat(folder.resolve(name)).hasBinaryContent(hub.files.get(name));
        }
        String sha256 = FakeHub.checksum(hub.files.get("model.safetensors"), 64);
        assertThat(Files.readSymbolicLink(folder.resolve("model.safetensors")))
                .isEqualTo(Path.of("../../blobs", sha256));
        assertThat(home().resolve("refs/main")).hasContent(FakeHub.COMMIT);
        assertThat(names(home().resolve("blobs"))).hasSize(5).noneMatch(name -> name.contains("."));
    }

    @Test
    void whatIsInTheCacheIsUsedWithoutANetwork() {
        Path folder = loader().folder(SOURCE);
        hub.requests.clear();
        assertThat(loader().folder(SOURCE)).isEqualTo(folder);
        assertThat(unconnected().folder(HubSource.parse("hf:org/name@" + FakeHub.COMMIT)))
                .isEqualTo(folder);
        assertThat(hub.requests).isEmpty();
    }

    @Test
    void theModelOfTheFolderIsLoaded() throws Exception {
        TinyBert tiny = new TinyBert();
        Path folder = home().resolve("snapshots").resolve(FakeHub.COMMIT);
        tiny.write(folder);
        Files.createDirectories(home().resolve("refs"));
        Files.writeString(home().resolve("refs/main"), FakeHub.COMMIT);
        ReferenceEngine engine = new ReferenceEngine();
        try (Model model = unconnected()
                .load("hf:org/name", cache, engine, WeightForm.decoded(engine.dtype()))
                .orElseThrow()) {
            assertThat(model.weights().keySet()).isEqualTo(tiny.weights.keySet());
        }
        assertThat(unconnected().load("models/tiny", cache, engine, WeightForm.decoded(engine.dtype())))
                .isEmpty();
    }

    @Test
    void theTokenGoesToTheHubAlone() {
        loader().folder(SOURCE);
        assertThat(hub.requests)
                .filteredOn(r -> r.startsWith("storage"))
                .isNotEmpty()
                .noneMatch(r -> r.contains("hf_"));
        assertThat(hub.requests)
                .filteredOn(r -> !r.startsWith("storage"))
                .isNotEmpty()
                .allMatch(r -> r.endsWith("Bearer hf_secret"));
    }

    @Test
    void aCutConnectionIsGoneOnWith() {
        hub.files.remove("tokenizer.json");
        hub.files.put("tokenizer.json", FakeHub.bytes(90, 3)); // so that the weights alone lie in the storage
        hub.troubles.add(hub.cutAt(100_000));
        hub.troubles.add(hub.cutAt(250_000));
        assertThat(loader().folder(SOURCE).resolve("model.safetensors"))
                .hasBinaryContent(hub.files.get("model.safetensors"));
        assertThat(hub.contentRequests())
                .filteredOn(r -> r.startsWith("storage"))
                .hasSize(3)
                .element(2)
                .asString()
                .contains("bytes=250000-");
    }

    @Test
    void anEndedProgramIsGoneOnWith() {
        hub.files.put("tokenizer.json", FakeHub.bytes(90, 3));
        for (int i = 0; i < 5; i++) {
            hub.troubles.add(hub.cutAt(70_000));
        }
        assertThatThrownBy(() -> loader().folder(SOURCE))
                .isInstanceOf(UserError.class)
                .hasMessageContainingAll("hf:org/name: cannot get model.safetensors from http://127.0.0.1:", "is kept");
        assertThat(home().resolve("refs/main")).doesNotExist();
        hub.requests.clear();
        loader().folder(SOURCE);
        assertThat(hub.contentRequests())
                .as("only what is missing")
                .hasSize(2)
                .last()
                .isEqualTo("storage GET /model.safetensors bytes=70000-");
    }

    @Test
    void aServerThatDoesNotGoOnBeginsAgain() {
        hub.files.put("tokenizer.json", FakeHub.bytes(90, 3));
        hub.troubles.add(hub.cutAt(100_000));
        hub.troubles.add((exchange, content, from) -> {
            FakeHub.send(exchange, content, 0, content.length);
            return true;
        });
        assertThat(loader().folder(SOURCE).resolve("model.safetensors"))
                .hasBinaryContent(hub.files.get("model.safetensors"));
    }

    @Test
    void aServerThatFallsSilentIsAskedAgain() throws Exception {
        hub.files.put("tokenizer.json", FakeHub.bytes(90, 3));
        CountDownLatch over = new CountDownLatch(1);
        hub.troubles.add((exchange, content, from) -> {
            FakeHub.send(exchange, content, 0, 1000);
            try {
                over.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return true;
        });
        HubModelLoader hasty = new HubModelLoader(settings(hub.endpoint(), Duration.ofMillis(500)));
        try {
            assertThat(hasty.folder(SOURCE).resolve("model.safetensors"))
                    .hasBinaryContent(hub.files.get("model.safetensors"));
        } finally {
            over.countDown();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"model.safetensors", "config.json"})
    void aWrongChecksumLeavesNothingBehind(String name) throws IOException {
        hub.claims.put(name, name.equals("config.json") ? "1".repeat(40) : "2".repeat(64));
        assertThatThrownBy(() -> loader().folder(SOURCE))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("hf:org/name: " + name + " has the checksum "
                        + FakeHub.checksum(
                                hub.files.get(name), hub.claims.get(name).length()) + ", expected "
                        + hub.claims.get(name));
        assertThat(names(home().resolve("blobs")))
                .doesNotContain(hub.claims.get(name))
                .noneMatch(blob -> blob.contains("incomplete"));
        hub.claims.clear();
        assertThat(loader().folder(SOURCE).resolve(name)).hasBinaryContent(hub.files.get(name));
    }

    @Test
    void whatCannotBeCheckedIsNotDownloaded() {
        hub.claims.put("model.safetensors", "5-multipart");
        assertThatThrownBy(() -> loader().folder(SOURCE))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("states no checksum for model.safetensors");
    }

    @Test
    void moreThanWasAnnouncedIsRefused() {
        hub.files.put("tokenizer.json", FakeHub.bytes(90, 3));
        hub.troubles.add((exchange, content, from) -> {
            exchange.sendResponseHeaders(200, content.length + 1L);
            exchange.getResponseBody().write(content);
            exchange.getResponseBody().write(0);
            return true;
        });
        assertThatThrownBy(() -> loader().folder(SOURCE))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("model.safetensors is longer than the " + SIZE + " bytes");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "401 | RepoNotFound | has no such model (HTTP 401); check the name",
                "404 | | has no such model (HTTP 404); check the name",
                "404 | RevisionNotFound | has no revision 'main' of this model",
                "403 | GatedRepo | gives this model only to those who were granted it (HTTP 403); accept its terms",
                "400 | | answers HTTP 400, expected the model; look at HF_ENDPOINT"
            })
    void refusalsAreTold(int status, String code, String message) {
        hub.refusals.add(Map.entry(status, code == null ? "" : code));
        assertThatThrownBy(() -> loader().folder(SOURCE))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith("hf:org/name: " + hub.endpoint() + " " + message);
    }

    @Test
    void anOverloadedHubIsAskedAgain() {
        hub.refusals.add(Map.entry(503, ""));
        hub.refusals.add(Map.entry(429, ""));
        assertThat(loader().folder(SOURCE)).isDirectory();
    }

    @Test
    void withoutANetworkTheUserLearnsWhatToDo() {
        assertThatThrownBy(() -> unconnected().folder(SOURCE))
                .isInstanceOf(UserError.class)
                .hasMessageStartingWith(
                        "hf:org/name: cannot get its list of files from http://127.0.0.1:1: no connection;")
                .hasMessageNotContaining("hf_secret");
        HubSettings s = settings(hub.endpoint());
        HubSettings offline = new HubSettings(s.endpoint(), s.token(), cache, true, s.stall(), s.pause());
        assertThatThrownBy(() -> new HubModelLoader(offline).folder(SOURCE))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("HF_HUB_OFFLINE forbids to download it");
        assertThat(hub.requests).isEmpty();
    }

    @Test
    void modelsThatCannotBeReadAreRefusedBeforeTheyCome() {
        hub.files.remove("model.safetensors");
        assertThatThrownBy(() -> loader().folder(SOURCE))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("there is no model.safetensors in it, only pytorch_model.bin;");
        hub.files.remove("tokenizer.json");
        assertThatThrownBy(() -> loader().folder(SOURCE)).hasMessageContaining("there is no tokenizer.json in it");
        assertThat(hub.contentRequests()).isEmpty();
    }

    @Test
    void shardsAreThoseThatTheIndexNames() throws IOException {
        hub.files.put("model-00001-of-00002.safetensors", hub.files.remove("model.safetensors"));
        hub.files.put("model-00002-of-00002.safetensors", FakeHub.bytes(5000, 9));
        hub.files.put("model-00003-of-00002.safetensors", FakeHub.bytes(5000, 10));
        hub.files.put(
                "model.safetensors.index.json",
                index("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"));
        Path folder = loader().folder(SOURCE);
        assertThat(names(folder))
                .contains("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
                .doesNotContain("model-00003-of-00002.safetensors");

        Files.delete(folder.resolve("model-00002-of-00002.safetensors"));
        assertThat(loader().folder(SOURCE).resolve("model-00002-of-00002.safetensors"))
                .as("an incomplete snapshot is completed")
                .exists();
    }

    @Test
    void anIndexCannotNameFilesElsewhere() {
        hub.files.remove("model.safetensors");
        hub.files.put("model.safetensors.index.json", index("../../../x.safetensors"));
        assertThatThrownBy(() -> loader().folder(SOURCE))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("expected a safetensors file beside it");
    }

    private static byte[] index(String... shards) {
        StringBuilder map = new StringBuilder("{\"weight_map\": {");
        for (int i = 0; i < shards.length; i++) {
            map.append(i == 0 ? "" : ", ")
                    .append("\"w")
                    .append(i)
                    .append("\": \"")
                    .append(shards[i])
                    .append('"');
        }
        return map.append("}}").toString().getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void aListenerSeesHowFarItIsAndCanStopIt() {
        List<Long> seen = new CopyOnWriteArrayList<>();
        DownloadListener impatient = (what, done, total) -> {
            seen.add(done);
            return !(total == SIZE && done > SIZE / 3);
        };
        assertThatThrownBy(() -> loader(impatient).folder(SOURCE))
                .isInstanceOf(UserError.class)
                .hasMessageContaining("the download was stopped; what has come is kept");
        assertThat(seen).hasSizeGreaterThan(5);
        hub.requests.clear();
        loader().folder(SOURCE);
        assertThat(hub.contentRequests()).last().asString().matches("storage GET /model.safetensors bytes=1\\d{5}-");
    }

    @Test
    void ofTwoAtATimeOneDownloads() throws Exception {
        CountDownLatch waiting = new CountDownLatch(1);
        hub.troubles.add((exchange, content, from) -> {
            try {
                waiting.await(); // the second has found the lock taken
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return false;
        });
        CountDownLatch begun = new CountDownLatch(1);
        CompletableFuture<Path> first = CompletableFuture.supplyAsync(() -> loader((what, done, total) -> {
                    begun.countDown();
                    return true;
                })
                .folder(SOURCE));
        begun.await();
        Path second = loader((what, done, total) -> {
                    waiting.countDown();
                    return true;
                })
                .folder(SOURCE);
        assertThat(first.get()).isEqualTo(second);
        assertThat(hub.contentRequests()).doesNotHaveDuplicates();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "hf:",
                "hf:a/b/c",
                "hf:../x",
                "hf:a/..",
                "hf:a/b@",
                "hf:a/b@../main",
                "hf:a/b@x/../../y",
                "hf:-a/b",
                "hf:a//b"
            })
    void otherFormsAreRefused(String source) {
        assertThatThrownBy(() -> HubSource.parse(source))
                .isInstanceOf(UserError.class)
                .hasMessage("model " + source + ": expected hf:org/name or hf:org/name@revision");
    }

    @Test
    void namesAndRevisions() {
        assertThat(HubSource.parse("hf:gpt2")).isEqualTo(new HubSource("gpt2", "main"));
        assertThat(HubSource.parse("hf:org/a-name_2.5-x@refs/pr/1"))
                .isEqualTo(new HubSource("org/a-name_2.5-x", "refs/pr/1"));
        assertThat(HubSource.parse("hf:org/name@v1.0")).hasToString("hf:org/name@v1.0");
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }
}
