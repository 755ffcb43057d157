// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.http;

import io.kvlink.djl.worker.TextGenerator;
import java.util.List;

/** The models that can be asked now. Called from any thread; never blocks. */
@FunctionalInterface
public interface ModelDirectory {

    /** All of them, in the order of their registration. */
    List<TextGenerator> models();
}
