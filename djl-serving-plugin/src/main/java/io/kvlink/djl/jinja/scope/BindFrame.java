// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.scope;

/**
 * Surroundings of a statement while its names are bound.
 *
 * @param symbols the variables that it sees
 * @param function whose activations hold them
 * @param topLevel whether what is set here is seen by blocks and macros
 * @param inLoop whether {@code break} has a loop to leave
 * @param escaping whether what is printed is escaped; shared within a function and its blocks
 */
public record BindFrame(
        Symbols symbols,
        FunctionFrame function,
        boolean topLevel,
        boolean inLoop,
        Escaping escaping) {

    /** Knowledge about escaping before a rendering. May change along the statements. */
    public static final class Escaping {

        /** Off, on, or decided by each rendering. */
        public enum Mode {
            OFF,
            ON,
            OPEN
        }

        private Mode mode = Mode.OFF;

        public Mode mode() {
            return mode;
        }

        public void mode(Mode next) {
            mode = next;
        }
    }

    public static BindFrame root() {
        FunctionFrame function = new FunctionFrame(null);
        return new BindFrame(new Symbols(null, function), function, true, false, new Escaping());
    }

    /** A block of statements in the same function. */
    public BindFrame inner(boolean loop) {
        return new BindFrame(new Symbols(symbols, function), function, false, loop, escaping);
    }

    /** A function within this one. */
    public BindFrame innerFunction(boolean loop) {
        FunctionFrame inner = new FunctionFrame(function);
        return new BindFrame(new Symbols(symbols, inner), inner, false, loop, escaping);
    }

    /** A function of its own, which sees nothing of this one. */
    public BindFrame separateFunction() {
        FunctionFrame separate = new FunctionFrame(null);
        return new BindFrame(new Symbols(null, separate), separate, false, false, new Escaping());
    }

    public Place place(String name, int line) {
        return function.placeOf(symbols.slot(name, line));
    }
}
