// SPDX-License-Identifier: Apache-2.0
package io.kvlink.pool;

import java.lang.StackWalker.StackFrame;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Words for leases that were open when their pool closed. */
final class LeakReport {

    private LeakReport() {}

    /** Every lease under its owner, owners by name. */
    static String of(List<RegionLease> open) {
        StringBuilder report =
                new StringBuilder(
                        "pool closed with open leases: leases=%d bytes=%d; %s"
                                .formatted(open.size(), bytes(open), advice(open)));
        Map<String, List<RegionLease>> byOwner =
                open.stream()
                        .collect(
                                Collectors.groupingBy(
                                        RegionLease::owner, TreeMap::new, Collectors.toList()));
        byOwner.forEach((owner, leases) -> append(report, owner, leases));
        return report.toString();
    }

    private static String advice(List<RegionLease> open) {
        return open.stream().allMatch(lease -> lease.birth() == null)
                ? "run with -D"
                        + BuddyHostPoolProvider.TRACK_PROPERTY
                        + "=true to see where they were taken"
                : "close them where they were taken, or hand them on";
    }

    private static void append(StringBuilder report, String owner, List<RegionLease> leases) {
        report.append(
                "\n  owner=%s leases=%d bytes=%d".formatted(owner, leases.size(), bytes(leases)));
        for (RegionLease lease : leases) {
            report.append("\n    ").append(lease);
            BirthSite birth = lease.birth();
            if (birth != null) {
                for (StackFrame frame : birth.frames()) {
                    report.append("\n      at ").append(frame);
                }
            }
        }
    }

    private static long bytes(List<RegionLease> leases) {
        return leases.stream().mapToLong(RegionLease::bytes).sum();
    }
}
