// SPDX-License-Identifier: Apache-2.0
package io.kvlink.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.kvlink.spi.BlockHash;
import io.kvlink.spi.KvCapability;
import io.kvlink.spi.KvEvent;
import io.kvlink.spi.KvRole;
import io.kvlink.spi.LoadDecision;
import io.kvlink.tck.FakeRequest.Ending;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** Rules 8xx: KV of requests without a route is kept, and served by its tokens to any request. */
@Needs(KvCapability.STORE)
public abstract class StoreRules extends ThreadRules {

    /** Tokens of a block of the store: {@link #config} sets it in the connector's own words. */
    protected int storeBlockTokens() {
        return 64;
    }

    /**
     * Changes a byte or more of everything that the store keeps, behind its back.
     *
     * @return false, unless overridden: it can't be done, and rule 805 is left out
     */
    protected boolean damageStore() {
        return false;
    }

    /**
     * Settings that limit the store's size, to be put over {@link #config}.
     *
     * @param role the engine's role
     * @param layerBytes KV that it has room for, all layers together
     * @return empty, unless overridden: there is no limit, and rule 806 is left out
     */
    protected Map<String, Object> limitedStore(KvRole role, long layerBytes) {
        return Map.of();
    }

    @Test
    final void required_rule801_anotherInstanceLoadsWhatWasSaved() {
        FakeEngine writer = open(writing());
        FakeEngine reader = open(reading());
        int block = storeBlockTokens();
        for (int tokens : new int[] {block, block + 1, 3 * block - 1, 3 * block, 3 * block + 1}) {
            int[] prompt = prompt(tokens);
            assertThat(run(writer, prompt).ending).isEqualTo(Ending.COMPUTED);
            assertWholeBlocksLoaded(run(reader, prompt), tokens);
        }
    }

    @Test
    final void required_rule802_whatWasSavedOutlivesAllInstancesOrEndsWithItsOwn() {
        FakeEngine writer = open(writing());
        FakeEngine reader = open(reading());
        int tokens = 2 * storeBlockTokens() + 7;
        int[] prompt = prompt(tokens);
        run(writer, prompt);
        writer.close();
        reader.close();
        FakeRequest later = run(open(reading()), prompt);
        if (storeIsShared()) {
            assertWholeBlocksLoaded(later, tokens);
        } else {
            assertComputed(later);
        }
    }

    @Test
    final void required_rule803_onlyTheCommonHeadIsLoaded() {
        FakeEngine writer = open(writing());
        FakeEngine reader = open(reading());
        int block = storeBlockTokens();
        int[] prompt = prompt(4 * block);
        run(writer, prompt);
        int[] branch = prompt.clone();
        branch[2 * block + 1]++;
        FakeRequest branched = run(reader, branch);
        assertThat(branched.ending).as("%s", branched).isEqualTo(Ending.LOADED);
        assertThat(branched.loading).as("%s", branched).isEqualTo(2 * block);
        // The same tokens behind another head, or behind none, have other KV.
        int[] other = prompt.clone();
        other[0]++;
        assertComputed(run(reader, other));
        assertComputed(run(reader, Arrays.copyOfRange(prompt, block, 4 * block)));
    }

    @Test
    final void required_rule804_anotherSaltOrModelIsNeverLoaded() {
        FakeEngine writer = open(writing());
        FakeEngine reader = open(reading());
        FakeEngine other = open(reading(), EngineShape.DEFAULT.ofModel("another"), Map.of());
        FakeEngine wider = open(reading(), EngineShape.DEFAULT.withKvHeads(4), Map.of());
        int[] prompt = prompt(3 * storeBlockTokens() + 1);
        ended(writer, writer.add(prompt, "tenant-a"));
        assertComputed(ended(reader, reader.add(prompt, "")));
        assertComputed(ended(reader, reader.add(prompt, "tenant-b")));
        assertComputed(ended(other, other.add(prompt, "tenant-a")));
        assertComputed(ended(wider, wider.add(prompt, "tenant-a")));
        // Each of these has saved its own meanwhile, and still nobody loads another's.
        FakeRequest own = ended(reader, reader.add(prompt, "tenant-a"));
        assertThat(own.ending).as("%s", own).isEqualTo(Ending.LOADED);
    }

    @Test
    final void required_rule805_damagedKvIsComputedAgainAndNeverServed() {
        FakeEngine writer = open(writing());
        FakeEngine reader = open(reading());
        int tokens = 3 * storeBlockTokens() + 1;
        int[] prompt = prompt(tokens);
        run(writer, prompt);
        assumeTrue(damageStore(), "for stores whose KV can be damaged");
        assertComputed(run(reader, prompt));
        run(writer, prompt);
        assertWholeBlocksLoaded(run(reader, prompt), tokens);
    }

    @Test
    final void required_rule806_theLeastRecentlyUsedMakesRoom() {
        int block = storeBlockTokens();
        long room = EngineShape.DEFAULT.layout().layerBytes(7 * block) * 3;
        assumeTrue(!limitedStore(writing(), room).isEmpty(), "for stores with a limit");
        FakeEngine writer = open(writing(), EngineShape.DEFAULT, limitedStore(writing(), room));
        FakeEngine reader = open(reading(), EngineShape.DEFAULT, limitedStore(reading(), room));
        int[] first = prompt(2 * block + 1);
        int[] second = prompt(2 * block + 1);
        run(writer, first);
        run(writer, second);
        run(writer, prompt(2 * block + 1));
        assertWholeBlocksLoaded(run(reader, first), first.length);
        int[] latest = prompt(2 * block + 1);
        run(writer, latest);
        assertWholeBlocksLoaded(run(reader, latest), latest.length);
        assertWholeBlocksLoaded(run(reader, first), first.length);
        FakeRequest old = run(reader, second);
        assertThat(old.loading).as("%s", old).isLessThan(2 * block);
    }

    @Test
    final void required_rule807_twoInstancesMaySaveTheSameAtOnce() {
        FakeEngine one = open(writing());
        FakeEngine two = open(writing());
        int tokens = 3 * storeBlockTokens() + 1;
        int[] prompt = prompt(tokens);
        FakeRequest left = one.add(Optional.empty(), prompt);
        FakeRequest right = two.add(Optional.empty(), prompt);
        await("both ends", () -> left.ended() && right.ended());
        awaitIdle();
        assertWholeBlocksLoaded(run(open(reading()), prompt), tokens);
    }

    @Test
    final void required_rule808_whatIsStoredAndRemovedIsTold() {
        FakeEngine writer = open(writing());
        int[] prompt = prompt(3 * storeBlockTokens() + 1);
        run(writer, prompt);
        List<BlockHash> told = new ArrayList<>();
        for (KvEvent event : writer.connector().takeEvents()) {
            assertThat(event.kind()).isEqualTo(KvEvent.Kind.STORED);
            assertThat(event.blockTokens()).isEqualTo(storeBlockTokens());
            told.addAll(event.blocks());
        }
        String model = EngineShape.DEFAULT.layout().model();
        List<BlockHash> chain =
                BlockHash.chain(prompt, prompt.length, storeBlockTokens(), model, "");
        assertThat(told).isEqualTo(supports(KvCapability.KV_EVENTS) ? chain : List.<BlockHash>of());
        assertThat(writer.connector().takeEvents()).as("told once").isEmpty();
        assertRemovalIsTold(told);
    }

    /**
     * Under a limit an instance tells what makes room.
     *
     * @param before blocks that are in the store
     */
    private void assertRemovalIsTold(List<BlockHash> before) {
        int block = storeBlockTokens();
        long room = EngineShape.DEFAULT.layout().layerBytes(7 * block) * 3;
        Map<String, Object> limited = limitedStore(writing(), room);
        if (limited.isEmpty() || !supports(KvCapability.KV_EVENTS)) {
            return;
        }
        FakeEngine writer = open(writing(), EngineShape.DEFAULT, limited);
        Set<BlockHash> there = new HashSet<>(before);
        List<BlockHash> latest = List.of();
        for (int prompts = 0; prompts < 6; prompts++) {
            run(writer, prompt(2 * block + 1));
            for (KvEvent event : writer.connector().takeEvents()) {
                boolean stored = event.kind() == KvEvent.Kind.STORED;
                latest = stored ? event.blocks() : latest;
                for (BlockHash hash : event.blocks()) {
                    assertThat(stored ? there.add(hash) : there.remove(hash))
                            .as("%s of %s is a change", event.kind(), hash)
                            .isTrue();
                }
            }
        }
        assertThat(there)
                .as("blocks that are told to be there")
                .hasSizeLessThan(before.size() + 12);
        assertThat(there).as("the latest").containsAll(latest).isNotEmpty();
    }

    @Test
    final void required_rule809_askingAStoreHasNoSideEffectAndNeverBlocks() {
        FakeEngine writer = open(writing());
        FakeEngine reader = open(reading());
        int tokens = 2 * storeBlockTokens() + 1;
        int[] prompt = prompt(tokens);
        run(writer, prompt);
        FakeRequest target = reader.add(Optional.empty(), prompt);
        target.held = true;
        await("an answer", () -> reader.ask(target, 0) instanceof LoadDecision.Load);
        LoadDecision answer = reader.ask(target, 0);
        long startNs = System.nanoTime();
        for (int i = 0; i < 1000; i++) {
            assertThat(reader.ask(target, 0)).isEqualTo(answer);
        }
        assertThat(Duration.ofNanos(System.nanoTime() - startNs))
                .as("1000 calls of matchedTokens")
                .isLessThan(slack());
        target.held = false;
        assertWholeBlocksLoaded(ended(reader, target), tokens);
    }

    @Test
    final void required_rule810_promptsComputedInChunksAreSaved() {
        FakeEngine writer = open(writing());
        FakeEngine reader = open(reading());
        int block = storeBlockTokens();
        for (int chunk : new int[] {block - 1, block, block + 1, 3 * block}) {
            int[] prompt = prompt(4 * block + 1);
            FakeRequest source = writer.add(Optional.empty(), prompt);
            source.tokensPerStep = chunk;
            ended(writer, source);
            FakeRequest target = run(reader, prompt);
            if (supports(KvCapability.CHUNKED_PREFILL)) {
                assertWholeBlocksLoaded(target, prompt.length);
            }
        }
    }

    @Test
    final void required_rule811_aLoadFollowsWhatTheEngineHasAndTakes() {
        FakeEngine writer = open(writing());
        FakeEngine reader = open(reading());
        int block = storeBlockTokens();
        int[] prompt = prompt(4 * block + 1);
        run(writer, prompt);
        for (int[] hasAndTakes :
                new int[][] {{16, 4 * block}, {block, block}, {0, block + 3}, {block + 5, 7}}) {
            FakeRequest target = reader.add(Optional.empty(), prompt);
            target.computed = hasAndTakes[0];
            target.acceptsAtMost = hasAndTakes[1];
            ended(reader, target);
            boolean behind = hasAndTakes[0] == 0 || supports(KvCapability.LOAD_BEHIND_PREFIX);
            int expected = Math.min(hasAndTakes[1], 4 * block - hasAndTakes[0]);
            assertThat(target.loading).as("%s", target).isEqualTo(behind ? expected : 0);
        }
        FakeRequest whole = reader.add(Optional.empty(), prompt);
        whole.computed = 4 * block;
        assertComputed(ended(reader, whole));
    }

    @Test
    final void required_rule812_aRequestThatLeavesLeavesNothing() {
        FakeEngine writer = open(writing());
        FakeEngine reader = open(reading());
        int[] prompt = prompt(4 * storeBlockTokens() + 1);
        run(writer, prompt);
        FakeRequest before = reader.add(Optional.empty(), prompt);
        reader.leave(before);
        FakeRequest held = reader.add(Optional.empty(), prompt);
        held.held = true;
        await("an answer", () -> reader.ask(held, 0) instanceof LoadDecision.Load);
        reader.leave(held);
        FakeRequest half = writer.add(Optional.empty(), prompt(4 * storeBlockTokens()));
        half.tokensPerStep = storeBlockTokens() + 1;
        await("its first step", () -> half.computed > 0);
        writer.leave(half);
        awaitIdle();
        await("blocks", () -> before.released && held.released && half.released);
        stepAll(20);
        assertUntouched(writer, half);
    }

    @Test
    final void required_rule813_aPromptWithoutAWholeBlockIsLeftAlone() {
        FakeEngine writer = open(writing());
        FakeEngine reader = open(reading());
        for (int tokens : new int[] {1, 2, storeBlockTokens() - 1}) {
            int[] prompt = prompt(tokens);
            for (FakeEngine engine : List.of(writer, reader)) {
                FakeRequest request = run(engine, prompt);
                assertComputed(request);
                assertThat(request.released)
                        .as("answered with FREE_NOW, since nothing is saved: %s", request)
                        .isTrue();
                assertThat(request.outcomes()).isEmpty();
            }
        }
    }

    @Test
    final void required_rule814_savedBlocksMayBeOverwrittenWhenTheyAreGivenBack() {
        int block = storeBlockTokens();
        int tokens = 2 * block + 1;
        // Room for one request: each takes the blocks of the one before.
        EngineShape tight = EngineShape.DEFAULT.withBlocks(tokens / 16 + 1);
        FakeEngine writer = open(writing(), tight, Map.of());
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            prompts.add(prompt(tokens));
        }
        List<FakeRequest> sources = new ArrayList<>();
        prompts.forEach(prompt -> sources.add(writer.add(Optional.empty(), prompt)));
        await("the ends", () -> sources.stream().allMatch(FakeRequest::ended));
        awaitIdle();
        FakeEngine reader = storeIsShared() ? open(reading()) : writer;
        prompts.forEach(prompt -> assertWholeBlocksLoaded(run(reader, prompt), tokens));
    }

    @Test
    final void required_rule815_aLoadThatBreaksAfterItsAnswerIsReportedFailed() {
        for (LoadMoment moment : LoadMoment.values()) {
            FakeEngine writer = open(writing());
            FakeEngine reader = open(reading());
            int[] prompt = prompt(3 * storeBlockTokens() + 1);
            run(writer, prompt);
            FakeRequest target = reader.add(Optional.empty(), prompt);
            AtomicBoolean certain = new AtomicBoolean();
            AtomicBoolean done = new AtomicBoolean();
            target.breakAt(
                    moment,
                    () -> {
                        certain.set(broken(writer, reader, target));
                        done.set(certain.get() || damageStore());
                    });
            await("the end of a load that breaks when it is " + moment, target::ended);
            assumeTrue(done.get(), "for stores whose loads can be broken");
            assertEndOfBrokenLoad(reader, target, certain.get());
            FakeRequest again = run(reader, prompt);
            assertThat(again.ending).as("%s", again).isIn(Ending.COMPUTED, Ending.LOADED);
        }
    }

    @Test
    final void required_rule816_kvOfAnotherRankIsNeverLoaded() {
        FakeEngine first = open(writing(), EngineShape.DEFAULT.ofRank(0, 2), Map.of());
        FakeEngine second = open(writing(), EngineShape.DEFAULT.ofRank(1, 2), Map.of());
        int[] prompt = prompt(3 * storeBlockTokens() + 1);
        run(first, prompt);
        assertComputed(run(second, prompt));
        FakeEngine again = open(reading(), EngineShape.DEFAULT.ofRank(1, 2), Map.of());
        assertWholeBlocksLoaded(run(again, prompt), prompt.length);
    }

    @Test
    final void required_rule817_aLoadLeavesTheHeadThatTheEngineComputedAlone() {
        FakeEngine writer = open(writing());
        FakeEngine reader = open(reading());
        int[] prompt = prompt(3 * storeBlockTokens() + 1);
        run(writer, prompt);
        FakeRequest target = reader.add(Optional.empty(), prompt);
        target.computed = storeBlockTokens() + 5;
        target.ownHead = target.computed;
        ended(reader, target);
        boolean behind = supports(KvCapability.LOAD_BEHIND_PREFIX);
        int rest = 2 * storeBlockTokens() - 5;
        assertThat(target.loading).as("%s", target).isEqualTo(behind ? rest : 0);
    }

    private KvRole writing() {
        return supports(KvCapability.BOTH_ROLES) ? KvRole.BOTH : KvRole.PRODUCER;
    }

    private KvRole reading() {
        return supports(KvCapability.BOTH_ROLES) ? KvRole.BOTH : KvRole.CONSUMER;
    }

    /** Runs a request to its end, and until the connectors have nothing more to do. */
    private FakeRequest run(FakeEngine engine, int[] prompt) {
        return ended(engine, engine.add(Optional.empty(), prompt));
    }

    private FakeRequest ended(FakeEngine engine, FakeRequest request) {
        await("the end of " + request, request::ended);
        awaitIdle();
        engine.verify();
        return request;
    }

    /** The engine looked at every byte that was loaded. */
    private void assertWholeBlocksLoaded(FakeRequest request, int tokens) {
        int block = storeBlockTokens();
        int whole = tokens / block * block;
        assertThat(request.ending)
                .as("%s", request)
                .isEqualTo(tokens > block ? Ending.LOADED : request.ending);
        // The prompt's last token is computed; a store may leave the rest of its block, too.
        assertThat(request.loading)
                .as("%s", request)
                .isBetween((tokens - 1) / block * block, Math.min(whole, tokens - 1));
    }

    private static void assertComputed(FakeRequest request) {
        assertThat(request.ending).as("%s", request).isEqualTo(Ending.COMPUTED);
        assertThat(request.loading).as("%s", request).isZero();
    }
}
