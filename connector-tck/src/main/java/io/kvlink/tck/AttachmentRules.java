// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.KvScheduler;
import io.kvlink.spi.LoadDecision;
import io.kvlink.spi.TransferRoute;
import io.kvlink.tck.FakeRequest.Ending;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Rules 7xx: what a producer attaches comes with the KV of the whole prompt, or not at all. */
@Needs(KvCapability.PEERS)
public abstract class AttachmentRules extends StreamRules {

    private final Random random = new Random(7);

    @Test
    final void required_rule701_whatIsAttachedArrivesWithTheWholePrompt() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        int[] sizes = {0, 1, 300, KvScheduler.MAX_ATTACHMENT_BYTES};
        int[] tokens = {2, 17, 65, 200};
        for (int i = 0; i < sizes.length; i++) {
            Hop hop = attaching(producer, consumer, tokens[i], sizes[i]);
            awaitEnd(hop);
            assertLoaded(hop);
            boolean carried = supports(KvCapability.ATTACHMENTS);
            assertThat(hop.target().attachment.isPresent()).as("%s", hop).isEqualTo(carried);
            assertThat(hop.target().loading).isEqualTo(carried ? tokens[i] : tokens[i] - 1);
            if (carried) {
                assertAttached(hop, hop);
            }
        }
    }

    @Test
    final void required_rule702_attachmentsKeepToTheirRequests() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        Hop[] hops = new Hop[16];
        Arrays.setAll(hops, i -> attaching(producer, consumer, 40 + i, 8));
        awaitEnd(hops);
        for (Hop hop : hops) {
            assertLoaded(hop);
            if (supports(KvCapability.ATTACHMENTS)) {
                assertAttached(hop, hops);
            }
        }
    }

    @Test
    final void required_rule703_withoutAnAttachmentTheLastTokenIsNotLoaded() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        // The producer's engine has none after all; it never meant to; the consumer's can't use it.
        for (boolean[] sides : new boolean[][] {{true, true}, {false, true}, {true, false}}) {
            TransferRoute route = route(producer, consumer);
            int[] prompt = prompt(50);
            FakeRequest target = consumer.add(Optional.of(route), prompt, sides[1]);
            FakeRequest source = producer.add(Optional.of(route), prompt, sides[0]);
            if (!sides[1]) {
                source.attaches = Optional.of(new byte[] {1});
            }
            Hop hop = new Hop(source, target);
            awaitEnd(hop);
            assertLoaded(hop);
            assertThat(target.loading).as("%s", Arrays.toString(sides)).isEqualTo(49);
            assertThat(target.attachment).isEmpty();
            await("the producer's end", () -> source.released);
        }
    }

    @Test
    final void required_rule704_anAttachmentIsWaitedForAndAskedForWithoutEffect() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        Hop hop = attaching(producer, consumer, 50, 100);
        assertThat(consumer.attachment(hop.target())).as("nothing came yet").isEmpty();
        hop.target().held = true;
        await("the end of the prefill", () -> hop.source().ended());
        await("the answer", () -> consumer.ask(hop.target(), 0) instanceof LoadDecision.Load);
        if (supports(KvCapability.ATTACHMENTS)) {
            for (int i = 0; i < 100; i++) {
                byte[] content = consumer.attachment(hop.target()).orElseThrow();
                assertAttached(hop, content, hop);
                content[0]++; // A copy: the connector's own stays as it was.
            }
        }
        hop.target().held = false;
        awaitEnd(hop);
        assertLoaded(hop);
    }

    @Test
    final void required_rule705_whatIsTooLargeIsRefusedAndTheRestGoesOn() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        Hop hop = attaching(producer, consumer, 50, 10);
        byte[] tooLarge = new byte[KvScheduler.MAX_ATTACHMENT_BYTES + 1];
        if (supports(KvCapability.ATTACHMENTS)) {
            assertThatThrownBy(() -> producer.attach(hop.source(), tooLarge))
                    .isInstanceOf(IllegalArgumentException.class);
        } else {
            producer.attach(hop.source(), tooLarge);
        }
        awaitEnd(hop);
        assertLoaded(hop);
    }

    @Test
    final void required_rule706_aProducerThatLeavesBeforeItAttachesLeavesNothing() {
        FakeEngine producer = open(KvRole.PRODUCER);
        FakeEngine consumer = open(KvRole.CONSUMER);
        Hop hop = attaching(producer, consumer, 50, 10);
        hop.source().tokensPerStep = 49; // All that is loaded without an attachment.
        producer.step();
        producer.leave(hop.source());
        await("the consumer's end", () -> hop.target().ended());
        assertThat(hop.target().attachment).isEmpty();
        assertThat(hop.target().ending).isIn(Ending.LOADED, Ending.FAILED);
        await("the blocks' return", () -> hop.source().released);
    }

    private static void assertAttached(Hop hop, Hop... all) {
        assertThat(hop.target().attachment).as("nothing came with the KV: %s", hop).isPresent();
        assertAttached(hop, hop.target().attachment.orElseThrow(), all);
    }

    private static void assertAttached(Hop hop, byte[] found, Hop... all) {
        byte[] expected = hop.source().attaches.orElseThrow();
        if (!Arrays.equals(found, expected)) {
            String owner =
                    Arrays.stream(all)
                            .filter(one -> Arrays.equals(found, one.source().attaches.get()))
                            .map(one -> "that of " + one.source().kv.id())
                            .findFirst()
                            .orElse("nobody's");
            throw new AssertionError(
                    "attachment=%s, which is %s; expected=%s of %s; %s"
                            .formatted(
                                    described(found),
                                    owner,
                                    described(expected),
                                    hop.source().kv.id(),
                                    hop));
        }
    }

    // Its length, and its first bytes.
    private static String described(byte[] content) {
        byte[] head = Arrays.copyOf(content, Math.min(content.length, 16));
        return "[bytes=%d: %s]"
                .formatted(content.length, HexFormat.ofDelimiter(" ").formatHex(head));
    }

    private Hop attaching(FakeEngine producer, FakeEngine consumer, int tokens, int bytes) {
        TransferRoute route = route(producer, consumer);
        int[] prompt = prompt(tokens);
        FakeRequest target = consumer.add(Optional.of(route), prompt, true);
        FakeRequest source = producer.add(Optional.of(route), prompt, true);
        byte[] content = new byte[bytes];
        random.nextBytes(content);
        source.attaches = Optional.of(content);
        return new Hop(source, target);
    }
}
