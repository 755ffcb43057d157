// SPDX-License-Identifier: Apache-2.0
package io.kvlink.proxy.fleet;

/**
 * Message that an instance sends every three seconds: one MessagePack map.
 *
 * <pre>
 * type            "P" or "D"        required
 * http_address    "host:port"       required
 * zmq_address     "host:port"       required if there is no role
 * epoch           int64             which start this is; higher for a later one in a process
 * process         int64             which process this is
 * model           text              the model that it serves; absent or empty: any
 * role            text              kv_role, or none
 * version         text              KvLink's
 * kv_protocol     text              what it speaks, "name/version" with commas between several;
 *                                   instances that share none are no pair
 * capabilities    list of texts     the connector's
 * queue, running, free_kv_tokens    numbers, 0 or more
 * draining        boolean           true takes the instance out, as bye does
 * bye             boolean           true takes the instance out at once
 * </pre>
 *
 * Other keys are skipped. At most {@value HeartbeatCodec#MAX_BYTES} bytes.
 *
 * @param instance who says it
 * @param bye true if the instance leaves
 */
public record Heartbeat(Instance instance, boolean bye) implements HeartbeatCodec.Parsed {}
