// SPDX-License-Identifier: Apache-2.0
package io.kvlink.offload;

final class OffloadConformanceTest extends OffloadSuite {}
