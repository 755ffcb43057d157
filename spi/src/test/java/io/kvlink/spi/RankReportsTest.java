// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RankReportsTest {

    private final RankReports reports = new RankReports(3);

    @Test
    void shouldReportALoadWhenEveryRankHasIt() {
        assertThat(reports.merge(0, loaded(outcome("r", 10, 5)))).isEqualTo(WorkerReport.EMPTY);
        assertThat(reports.merge(2, loaded(outcome("r", 20, 9)))).isEqualTo(WorkerReport.EMPTY);
        assertThat(reports.open()).isEqualTo(1);
        assertThat(reports.merge(1, loaded(outcome("r", 30, 7))))
                .isEqualTo(loaded(outcome("r", 60, 9)));
        assertThat(reports.open()).isZero();
    }

    @Test
    void shouldReportAFailureOnlyWhenNoRankWritesAnyMore() {
        TransferOutcome lost =
                TransferOutcome.builder("r").failure(KvError.PEER_LOST, "peer=p:1").build();
        TransferOutcome late =
                TransferOutcome.builder("r").failure(KvError.DEADLINE, "late").build();
        assertThat(reports.merge(1, failed(lost))).isEqualTo(WorkerReport.EMPTY);
        assertThat(reports.merge(0, loaded(outcome("r", 10, 5)))).isEqualTo(WorkerReport.EMPTY);
        assertThat(reports.merge(2, failed(late)).failedLoads())
                .singleElement()
                .satisfies(
                        one -> {
                            assertThat(one.failure()).contains(KvError.PEER_LOST);
                            assertThat(one.detail()).isEqualTo("peer=p:1");
                            assertThat(one.bytes()).isEqualTo(10);
                        });
    }

    @Test
    void shouldNeverTakeAFailedLoadWithoutAReasonForACompleteOne() {
        reports.merge(0, loaded(outcome("r", 1, 1)));
        reports.merge(1, failed(outcome("r", 1, 1)));
        WorkerReport all = reports.merge(2, loaded(outcome("r", 1, 1)));
        assertThat(all.loaded()).isEmpty();
        assertThat(all.failedLoads().get(0).failure()).contains(KvError.UNKNOWN);
    }

    @Test
    void shouldKeepSavesAndLoadsOfOneRequestApart() {
        reports.merge(0, loaded(outcome("r", 1, 1)));
        WorkerReport sent = WorkerReport.of(List.of(outcome("r", 1, 1)), List.of(), List.of());
        reports.merge(0, sent);
        assertThat(reports.open()).isEqualTo(2);
        reports.merge(1, sent);
        assertThat(reports.merge(2, sent).sent()).hasSize(1);
    }

    /** Pairs of lists in which two ranks name one request, and the list in which it has ended. */
    @ParameterizedTest
    @CsvSource({
        "SENT, SENT, SENT",
        "SENT, LOADED, SENT",
        "SENT, FAILED, SENT",
        "LOADED, SENT, SENT",
        "LOADED, LOADED, LOADED",
        "LOADED, FAILED, FAILED",
        "FAILED, SENT, SENT",
        "FAILED, LOADED, FAILED",
        "FAILED, FAILED, FAILED"
    })
    void shouldEndARequestThatEachRankHasNamed(Word first, Word second, Word expected) {
        RankReports two = new RankReports(2);
        assertThat(two.merge(0, first.report(10))).isEqualTo(WorkerReport.EMPTY);
        WorkerReport merged = two.merge(1, second.report(20));
        assertThat(expected.of(merged))
                .singleElement()
                .satisfies(
                        one -> {
                            assertThat(one.bytes()).isEqualTo(30);
                            boolean failed = first == Word.FAILED || second == Word.FAILED;
                            assertThat(one.failure().isPresent()).isEqualTo(failed);
                        });
        for (Word other : Word.values()) {
            if (other != expected) {
                assertThat(other.of(merged)).isEmpty();
            }
        }
        assertThat(two.open()).isZero();
    }

    @Test
    void shouldNotOpenARequestAnewThatARankCallsSentLate() {
        reports.merge(0, Word.LOADED.report(1));
        reports.merge(1, Word.FAILED.report(1));
        assertThat(reports.merge(2, Word.SENT.report(1)).sent()).hasSize(1);
        assertThat(reports.merge(0, Word.SENT.report(1))).isEqualTo(WorkerReport.EMPTY);
        assertThat(reports.merge(1, Word.SENT.report(1))).isEqualTo(WorkerReport.EMPTY);
        assertThat(reports.open()).isZero();
        assertThat(reports.merge(0, Word.SENT.report(1))).isEqualTo(WorkerReport.EMPTY);
        assertThat(reports.open()).as("another request of that name").isEqualTo(1);
    }

    @Test
    void shouldReportALoadBeforeTheSaveThatCameBehindIt() {
        reports.merge(0, Word.LOADED.report(1));
        reports.merge(0, Word.SENT.report(1));
        reports.merge(1, Word.LOADED.report(1));
        WorkerReport all = reports.merge(2, Word.LOADED.report(1));
        assertThat(all.loaded()).hasSize(1);
        assertThat(all.sent()).isEmpty();
        reports.merge(1, Word.SENT.report(1));
        assertThat(reports.merge(2, Word.SENT.report(1)).sent()).hasSize(1);
        assertThat(reports.open()).isZero();
    }

    private enum Word {
        SENT,
        LOADED,
        FAILED;

        WorkerReport report(long bytes) {
            List<TransferOutcome> named = List.of(outcome("r", bytes, 1));
            return switch (this) {
                case SENT -> WorkerReport.of(named, List.of(), List.of());
                case LOADED -> WorkerReport.of(List.of(), named, List.of());
                case FAILED -> WorkerReport.of(List.of(), List.of(), named);
            };
        }

        List<TransferOutcome> of(WorkerReport report) {
            return switch (this) {
                case SENT -> report.sent();
                case LOADED -> report.loaded();
                case FAILED -> report.failedLoads();
            };
        }
    }

    @Test
    void shouldRefuseARankThatReportsTwice() {
        reports.merge(0, loaded(outcome("r", 1, 1)));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> reports.merge(0, loaded(outcome("r", 1, 1))))
                .withMessageStartingWith("rank=0 reported twice");
    }

    private static TransferOutcome outcome(String request, long bytes, long nanos) {
        return TransferOutcome.builder(request).plane("tcp").bytes(bytes).nanos(nanos).build();
    }

    private static WorkerReport loaded(TransferOutcome outcome) {
        return WorkerReport.of(List.of(), List.of(outcome), List.of());
    }

    private static WorkerReport failed(TransferOutcome outcome) {
        return WorkerReport.of(List.of(), List.of(), List.of(outcome));
    }
}
