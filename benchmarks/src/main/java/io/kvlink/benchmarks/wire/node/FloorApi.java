// SPDX-License-Identifier: Apache-2.0
package io.kvlink.benchmarks.wire.node;

/** Commands without a connector, to measure the bare wires. */
public interface FloorApi {

    /** Takes memory of a GPU that another process can map: its handle. */
    String export(int layers, long stride);

    /** The copy engine alone: as many copies as layers into another process's memory. */
    FloorTimes copy(String handle, int layers, long stride, long bytes, int rounds, int batch);

    /** A new name of an NCCL communicator. */
    String ncclName();

    /** Makes an NCCL communicator; both engines at once. */
    void ncclOpen(String name, int rank, int channels, int layers, long stride);

    /** NCCL alone: messages in one group; both engines at once. */
    FloorTimes ncclMove(boolean send, long bytes, int messages, int rounds, int batch);

    /** Listens: the port. */
    int listen() throws Exception;

    /** Accepts the connection that waits. */
    void accept() throws Exception;

    /** Connects. */
    void dial(String ip, int port) throws Exception;

    /** Sends the first bytes of all layers, some times over, by the socket: when it began. */
    long sendBare(int bytes, int times, long atNs) throws Exception;

    /** Receives them by the socket: when it ended. */
    long receiveBare(int bytes, int times) throws Exception;

    /** Opens a TCP plane without a connector: its endpoint. */
    String openPlane();

    /** Sends the first bytes of all layers, some times over, by the plane: when it began. */
    long sendByPlane(String peer, long ticket, int bytes, int times, long atNs);

    /** Receives them by the plane: when it ended. */
    long receiveByPlane(String peer, long ticket, int bytes, int times);

    /** Gives back all that floors needed. */
    void closeFloors() throws Exception;
}
