// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

/**
 * Message that an instance sends every three seconds: one MessagePack map.
 *
 * <pre>
 * type          "P" or "D"        required
 * http_address  "host:port"       required
 * zmq_address   "host:port"       required
 * epoch         int64             optional: which start this is; higher for a later one in a process
 * process       int64             optional: which process this is
 * model         text              optional: the model that it serves; absent or empty: any
 * load          number, 0 or more optional
 * capacity      number, 0 or more optional
 * bye           boolean           optional: true takes the instance out at once
 * </pre>
 *
 * Other keys are skipped. At most {@value HeartbeatCodec#MAX_BYTES} bytes.
 *
 * @param instance who says it
 * @param bye true if the instance leaves
 */
public record Heartbeat(Instance instance, boolean bye) implements HeartbeatCodec.Parsed {}
