// SPDX-License-Identifier: Apache-2.0
package io.kvlink.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import org.assertj.core.api.AbstractThrowableAssert;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** Asserts that a call throws the contract's exception. */
final class ThrowsKv {

    private ThrowsKv() {}

    static AbstractThrowableAssert<?, KvConnectorException> assertError(
            KvError error, ThrowingCallable call) {
        KvConnectorException thrown = catchThrowableOfType(KvConnectorException.class, call);
        assertThat(thrown).as("nothing was thrown").isNotNull();
        assertThat(thrown.error()).isEqualTo(error);
        return assertThat(thrown);
    }
}
