// SPDX-License-Identifier: Apache-2.0
package io.kvlink.djl.jinja.parse;

import io.kvlink.djl.jinja.error.Limits;
import io.kvlink.djl.jinja.error.TemplateSyntaxException;
import io.kvlink.djl.jinja.expression.CallExpression;
import io.kvlink.djl.jinja.expression.Expression;
import io.kvlink.djl.jinja.expression.FilterExpression;
import io.kvlink.djl.jinja.expression.NameExpression;
import io.kvlink.djl.jinja.scope.Names;
import io.kvlink.djl.jinja.statement.AutoescapeStatement;
import io.kvlink.djl.jinja.statement.BlockStatement;
import io.kvlink.djl.jinja.statement.Body;
import io.kvlink.djl.jinja.statement.CallStatement;
import io.kvlink.djl.jinja.statement.FilterStatement;
import io.kvlink.djl.jinja.statement.ForStatement;
import io.kvlink.djl.jinja.statement.IfStatement;
import io.kvlink.djl.jinja.statement.JumpStatement;
import io.kvlink.djl.jinja.statement.MacroDefinition;
import io.kvlink.djl.jinja.statement.MacroStatement;
import io.kvlink.djl.jinja.statement.OutputStatement;
import io.kvlink.djl.jinja.statement.SetBlockStatement;
import io.kvlink.djl.jinja.statement.SetStatement;
import io.kvlink.djl.jinja.statement.Statement;
import io.kvlink.djl.jinja.statement.Target;
import io.kvlink.djl.jinja.statement.WithStatement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Parser of statements. For one template. */
public final class Parser {

    // A definition's own nodes around those of its body.
    private static final int CALL_NODES = 4;

    private final TokenStream tokens;
    private final ExpressionParser expressions;
    private final Map<String, BlockStatement> blocks = new LinkedHashMap<>();
    // What the innermost statements end with; for messages.
    private final List<String> open = new ArrayList<>();
    private int deepestStatement;
    private int loopsSet;
    private int scopedBlocks;

    private Parser(TokenStream tokens) {
        this.tokens = tokens;
        this.expressions = new ExpressionParser(tokens, new MadeNames());
    }

    /** Parts of a template. */
    public record Parsed(Body body, Map<String, BlockStatement> blocks) {}

    public static Parsed parse(String source) {
        Parser parser = new Parser(new TokenStream(Lexer.tokens(source)));
        Body body = new Body(parser.statements());
        parser.expressions.made().requireMethods();
        return new Parsed(body, parser.blocks);
    }

    /** Statements up to the end, or to a tag of these names, which is not read. */
    private List<Statement> statements(String... ends) {
        if (open.size() > Limits.STATEMENT_DEPTH) {
            throw tokens.fault("statements nested deeper than " + Limits.STATEMENT_DEPTH);
        }
        deepestStatement = Math.max(deepestStatement, open.size());
        List<Statement> statements = new ArrayList<>();
        while (!tokens.is(Token.Type.END)) {
            Token token = tokens.next();
            if (token.type() == Token.Type.DATA) {
                statements.add(OutputStatement.ofData(token.line(), token.text()));
            } else if (token.type() == Token.Type.VARIABLE_BEGIN) {
                statements.add(OutputStatement.of(expressions.tuple(true)));
                tokens.expect(Token.Type.VARIABLE_END);
            } else {
                if (isAny(ends)) {
                    return statements;
                }
                statements.addAll(statement());
                tokens.expect(Token.Type.BLOCK_END);
            }
        }
        if (ends.length > 0) {
            throw tokens.fault(
                    "Unexpected end of template. The innermost block that needs to be closed is '%s'."
                            .formatted(open.get(open.size() - 1)));
        }
        return statements;
    }

    private boolean isAny(String... names) {
        for (String name : names) {
            if (tokens.isName(name)) {
                return true;
            }
        }
        return false;
    }

    /** The statements of a tag up to one of its ends, which is the current token then. */
    private Body body(String tag, String... ends) {
        tokens.skipOperator(":");
        tokens.expect(Token.Type.BLOCK_END);
        open.add(tag);
        Body body = new Body(statements(ends));
        open.remove(open.size() - 1);
        return body;
    }

    private Body bodyToEnd(String tag) {
        Body body = body(tag, "end" + tag);
        tokens.next();
        return body;
    }

    private List<Statement> statement() {
        if (!tokens.is(Token.Type.NAME)) {
            throw tokens.fault("tag name expected");
        }
        Token tag = tokens.next();
        int line = tag.line();
        return switch (tag.text()) {
            case "print" -> print();
            case "set" -> List.of(set(line));
            case "if" -> List.of(condition(line));
            case "for" -> List.of(loop(line));
            case "macro" -> List.of(macro(line));
            case "call" -> List.of(call(line));
            case "filter" -> List.of(filter(line));
            case "with" -> List.of(with(line));
            case "block" -> List.of(block(line));
            case "autoescape" ->
                    List.of(
                            new AutoescapeStatement(
                                    line, expressions.expression(), bodyToEnd("autoescape")));
            case "generation" -> List.of(generation(line));
            case "break" -> List.of(new JumpStatement(line, Statement.Flow.BREAK));
            case "continue" -> List.of(new JumpStatement(line, Statement.Flow.CONTINUE));
            case "include", "import", "from", "extends" ->
                    throw new TemplateSyntaxException(
                            "the tag '%s' needs other files, and a chat template is one file"
                                    .formatted(tag.text()),
                            line);
            default -> throw unknownTag(tag);
        };
    }

    private TemplateSyntaxException unknownTag(Token tag) {
        String innermost =
                open.isEmpty()
                        ? ""
                        : " The innermost block that needs to be closed is '%s'."
                                .formatted(open.get(open.size() - 1));
        return new TemplateSyntaxException(
                "Encountered unknown tag '%s'.%s".formatted(tag.text(), innermost), tag.line());
    }

    private List<Statement> print() {
        List<Statement> outputs = new ArrayList<>();
        while (!tokens.is(Token.Type.BLOCK_END)) {
            if (!outputs.isEmpty()) {
                tokens.expectOperator(",");
            }
            outputs.add(OutputStatement.of(expressions.expression()));
        }
        return outputs;
    }

    private Statement set(int line) {
        Target target = expressions.target(true);
        target.names(new LoopNames(), false);
        if (tokens.skipOperator("=")) {
            return new SetStatement(line, target, expressions.tuple(true));
        }
        FilterExpression filter = expressions.filters();
        return new SetBlockStatement(line, target, filter, bodyToEnd("set"));
    }

    /** Counts how often the name of the loop's variable is set. */
    private final class LoopNames implements Names {

        @Override
        public void load(String name) {
            // Reading it is allowed.
        }

        @Override
        public void store(String name) {
            loopsSet += name.equals("loop") ? 1 : 0;
        }

        @Override
        public void parameter(String name) {
            // Not set by the template.
        }
    }

    private Statement condition(int line) {
        List<IfStatement.Branch> branches = new ArrayList<>();
        Body otherwise = Body.EMPTY;
        String next = "elif";
        while (next.equals("elif")) {
            Expression test = expressions.tuple(false);
            Body body = body("if", "elif", "else", "endif");
            branches.add(new IfStatement.Branch(test, body));
            next = tokens.next().text();
        }
        if (next.equals("else")) {
            otherwise = bodyToEnd("if");
        }
        return new IfStatement(line, branches, otherwise);
    }

    private Statement loop(int line) {
        int setBefore = loopsSet;
        int scopedBefore = scopedBlocks;
        int deepestBefore = takeDeepest();
        Target target = expressions.target(false);
        target.names(new LoopNames(), false);
        tokens.expectName("in");
        Expression iterable = expressions.tuple(false);
        Expression test = tokens.skipName("if") ? expressions.expression() : null;
        boolean recursive = tokens.skipName("recursive");
        Body body = body("for", "endfor", "else");
        Body otherwise = tokens.next().text().equals("else") ? bodyToEnd("for") : Body.EMPTY;
        if (loopsSet > setBefore) {
            throw new TemplateSyntaxException(
                    "Can't assign to special loop variable in for-loop target", line);
        }
        int depth = depthWithin(deepestBefore);
        return new ForStatement(
                line,
                new ForStatement.Parts(
                        target,
                        copyOf(target),
                        iterable,
                        test,
                        recursive,
                        body,
                        otherwise,
                        scopedBlocks > scopedBefore,
                        depth));
    }

    private static Target copyOf(Target target) {
        if (target instanceof Target.Tuple tuple) {
            return new Target.Tuple(tuple.parts().stream().map(Parser::copyOf).toList());
        }
        return target instanceof Target.Name name ? name.copy() : target;
    }

    private int takeDeepest() {
        int before = deepestStatement;
        deepestStatement = open.size();
        return before;
    }

    /** Depth of all that was parsed since {@link #takeDeepest}. */
    private int depthWithin(int deepestBefore) {
        int within = 3 * (deepestStatement - open.size()) + expressions.deepest() + CALL_NODES;
        deepestStatement = Math.max(deepestStatement, deepestBefore);
        return within;
    }

    private Statement macro(int line) {
        String name = tokens.expect(Token.Type.NAME).text();
        requireAssignable(name, line);
        int deepestBefore = takeDeepest();
        List<Expression> defaults = new ArrayList<>();
        List<String> parameters = signature(defaults);
        Body body = bodyToEnd("macro");
        return new MacroStatement(
                line,
                new MacroDefinition(
                        name, line, parameters, defaults, body, depthWithin(deepestBefore)));
    }

    private static void requireAssignable(String name, int line) {
        Target.of(new NameExpression(line, name));
        if (java.util.Set.of("true", "false", "none", "True", "False", "None").contains(name)) {
            throw new TemplateSyntaxException("can't assign to 'name'", line);
        }
    }

    private List<String> signature(List<Expression> defaults) {
        List<String> parameters = new ArrayList<>();
        tokens.expectOperator("(");
        while (!tokens.isOperator(")")) {
            if (!parameters.isEmpty()) {
                tokens.expectOperator(",");
            }
            Token name = tokens.expect(Token.Type.NAME);
            requireAssignable(name.text(), name.line());
            if (parameters.contains(name.text())) {
                throw new TemplateSyntaxException(
                        "duplicate argument '%s'".formatted(name.text()), name.line());
            }
            if (tokens.skipOperator("=")) {
                defaults.add(expressions.expression());
            } else if (!defaults.isEmpty()) {
                throw tokens.fault("non-default argument follows default argument");
            }
            parameters.add(name.text());
        }
        tokens.expectOperator(")");
        return parameters;
    }

    private Statement call(int line) {
        int deepestBefore = takeDeepest();
        List<Expression> defaults = new ArrayList<>();
        List<String> parameters = tokens.isOperator("(") ? signature(defaults) : List.of();
        Expression called = expressions.expression();
        if (!(called instanceof CallExpression call)) {
            throw new TemplateSyntaxException("expected call", line);
        }
        if (call.arguments().named().containsKey("caller")) {
            throw new TemplateSyntaxException("keyword argument repeated: caller", line);
        }
        Body body = bodyToEnd("call");
        return new CallStatement(line, call, body(line, parameters, defaults, body, deepestBefore));
    }

    private MacroDefinition body(
            int line,
            List<String> parameters,
            List<Expression> defaults,
            Body body,
            int deepestBefore) {
        return new MacroDefinition(
                "", line, parameters, defaults, body, depthWithin(deepestBefore));
    }

    private Statement generation(int line) {
        int deepestBefore = takeDeepest();
        Body body = bodyToEnd("generation");
        return new CallStatement(line, null, body(line, List.of(), List.of(), body, deepestBefore));
    }

    private Statement filter(int line) {
        FilterExpression first = expressions.postfix().filter(null);
        FilterExpression chain = expressions.postfix().filters(first);
        return new FilterStatement(line, chain, bodyToEnd("filter"));
    }

    private Statement with(int line) {
        List<Target> targets = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (!tokens.is(Token.Type.BLOCK_END)) {
            if (!targets.isEmpty()) {
                tokens.expectOperator(",");
            }
            targets.add(expressions.target(false));
            tokens.expectOperator("=");
            values.add(expressions.expression());
        }
        return new WithStatement(line, targets, values, bodyToEnd("with"));
    }

    private Statement block(int line) {
        int deepestBefore = takeDeepest();
        String name = tokens.expect(Token.Type.NAME).text();
        boolean scoped = tokens.skipName("scoped");
        boolean required = tokens.skipName("required");
        if (tokens.isOperator("-")) {
            throw tokens.fault(
                    "Block names in Jinja have to be valid Python identifiers and may not contain"
                            + " hyphens, use an underscore instead.");
        }
        Body body = bodyToEnd("block");
        if (required && !body.statements().stream().allMatch(Parser::isBlank)) {
            throw new TemplateSyntaxException(
                    "Required blocks can only contain comments or whitespace", line);
        }
        tokens.skipName(name);
        scopedBlocks += scoped ? 1 : 0;
        BlockStatement block =
                new BlockStatement(line, name, scoped, required, body, depthWithin(deepestBefore));
        expressions.made().add(name);
        if (blocks.put(name, block) != null) {
            throw new TemplateSyntaxException("block '%s' defined twice".formatted(name), line);
        }
        return block;
    }

    private static boolean isBlank(Statement statement) {
        return statement instanceof OutputStatement output && output.isBlank();
    }
}
