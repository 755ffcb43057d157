// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http.parse;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelFieldTest {

    private static Optional<String> find(String body) {
        return ModelField.find(Unpooled.copiedBuffer(body, StandardCharsets.UTF_8));
    }

    @Test
    void shouldFindTheNameWhereverItIs() {
        assertThat(find("{\"model\":\"a\"}")).contains("a");
        assertThat(find(" {\n\"x\" : [1,{\"model\":\"no\"},\"]}\"] , \"model\"\t:\r\n\"a\" }"))
                .contains("a");
        assertThat(
                        find(
                                "{\"messages\":[{\"content\":\"\\\"model\\\":\\\"no\\\\\"}],\"model\":\"a\"}"))
                .contains("a");
        assertThat(find("{\"n\":1,\"s\":true,\"t\":null,\"u\":-1.5e3,\"model\":\"a\"}"))
                .contains("a");
        assertThat(find("{\"mod\\u0065l\":\"\\u0061\\n\\\"\"}")).contains("a\n\"");
        assertThat(find("{\"model\":\"größer 🦊\"}")).contains("größer 🦊");
        assertThat(find("\uFEFF{\"model\":\"a\"}")).contains("a");
    }

    @Test
    void shouldTakeTheLastOfSeveralAsWhoeverParsesIt() {
        assertThat(find("{\"model\":\"a\",\"x\":1,\"model\":\"b\"}")).contains("b");
        assertThat(find("{\"model\":\"a\",\"model\":null}")).contains("a");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "  ",
                "null",
                "[]",
                "[{\"model\":\"a\"}]",
                "\"model\"",
                "{}",
                "{\"Model\":\"a\"}",
                "{\"model \":\"a\"}",
                "{\"model\":1}",
                "{\"model\":null}",
                "{\"model\":[\"a\"]}",
                "{\"model\":{\"model\":\"a\"}}",
                "{\"model\"",
                "{\"model\":\"a",
                "{'model':'a'}",
                "{model:\"a\"}",
                "{\"x\":1}{\"model\":\"a\"}",
                "model_name=a&model=b"
            })
    void shouldFindNoneWhereThereIsNone(String body) {
        assertThat(find(body)).isEmpty();
    }

    @Test
    void shouldFindItBehindMegabytesInPieces() {
        JsonArray messages = new JsonArray();
        JsonObject message = new JsonObject();
        message.addProperty("content", "\\\"model\":\"no\"".repeat(200_000));
        messages.add(message);
        JsonObject body = new JsonObject();
        body.add("messages", messages);
        body.addProperty("model", "a");
        byte[] bytes = body.toString().getBytes(StandardCharsets.UTF_8);
        CompositeByteBuf pieces = Unpooled.compositeBuffer(4096);
        for (int at = 0; at < bytes.length; at += 8191) {
            pieces.addComponent(
                    true, Unpooled.wrappedBuffer(bytes, at, Math.min(8191, bytes.length - at)));
        }
        assertThat(ModelField.find(pieces)).contains("a");
        assertThat(pieces.readerIndex()).isZero();
    }

    @Test
    void shouldNotTakeALongNameForAShortOne() {
        assertThat(find("{\"model\":\"" + "a".repeat(100_000) + "\"}").orElseThrow()).hasSize(4096);
        assertThat(find("{\"" + "model".repeat(7) + "\":\"a\"}")).isEmpty();
    }

    @Test
    void shouldLetBytesThatAreNoUtf8Pass() {
        ByteBuf body = Unpooled.buffer();
        body.writeBytes("{\"x\":\"".getBytes(StandardCharsets.UTF_8));
        body.writeByte(0xff).writeByte(0xc3);
        body.writeBytes("\",\"model\":\"a\"}".getBytes(StandardCharsets.UTF_8));
        assertThat(ModelField.find(body)).contains("a");
    }

    @Property
    void theNameOfAnyObjectIsFound(
            @ForAll @Size(max = 6) List<String> keys, @ForAll String value, @ForAll String name) {
        JsonObject body = new JsonObject();
        for (String key : keys) {
            JsonArray nested = new JsonArray();
            nested.add(value);
            nested.add(key);
            if (key.length() % 2 == 0) {
                body.add(key, nested);
            } else {
                body.addProperty(key, value);
            }
        }
        body.remove("model");
        assertThat(find(body.toString())).isEmpty();
        body.addProperty("model", name);
        String utf8 = new String(name.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
        assertThat(find(body.toString())).contains(utf8);
    }

    @Property
    void noBytesMakeItThrow(@ForAll byte[] bytes) {
        assertThat(ModelField.find(Unpooled.wrappedBuffer(bytes))).isNotNull();
    }
}
