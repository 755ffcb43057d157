// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.parse;

import io.kvlink.djl.jinja.value.Repr;

/**
 * Token of a template.
 *
 * @param type what it is
 * @param text the name, the operator, or the data
 * @param value of a string, an integer or a float; else the text
 */
record Token(Type type, String text, Object value, int line) {

    /** Kinds of tokens. */
    enum Type {
        DATA,
        BLOCK_BEGIN,
        BLOCK_END,
        VARIABLE_BEGIN,
        VARIABLE_END,
        NAME,
        STRING,
        NUMBER_INTEGER,
        NUMBER_FLOAT,
        OPERATOR,
        END
    }

    boolean isName(String name) {
        return type == Type.NAME && text.equals(name);
    }

    boolean isOperator(String operator) {
        return type == Type.OPERATOR && text.equals(operator);
    }

    /** Name of the token in error messages. */
    String described() {
        return switch (type) {
            case NAME, OPERATOR, STRING, NUMBER_INTEGER, NUMBER_FLOAT -> Repr.quoted(text);
            case DATA -> "template data";
            case BLOCK_BEGIN -> "begin of statement block";
            case BLOCK_END -> "end of statement block";
            case VARIABLE_BEGIN -> "begin of print statement";
            case VARIABLE_END -> "end of print statement";
            case END -> "end of template";
        };
    }
}
