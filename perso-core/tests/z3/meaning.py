"""What policies mean, as formulas for Z3, written down from `docs/language.md`.

An attribute is what it is (missing, null, a boolean and so on) and, if it is of such a type, a value. Strings are Z3's own.
"""

from itertools import chain
from operator import eq, ge, gt, le, lt, ne

import z3
from questions import ATTRIBUTES, TOOL, Number, write
from scale import Scale

KIND, KINDS = z3.EnumSort("Kind", ["missing", "null", "boolean", "number", "huge", "string", "list", "object"])
MISSING, NULL, BOOLEAN, NUMBER, HUGE, STRING, LIST, OBJECT = KINDS
"""`huge` is a number out of range."""
TYPES = {"null": [NULL], "boolean": [BOOLEAN], "number": [NUMBER, HUGE], "string": [STRING], "list": [LIST], "object": [OBJECT]}
EFFECTS = ("deny", "ask", "allow")


def text_value(text):
    """A string constant: Z3 reads what is not plain as escapes."""
    return z3.StringVal("".join(c if c.isascii() and c.isalnum() else f"\\u{{{ord(c):x}}}" for c in text))


def is_in(kind, kinds):
    return z3.Or([kind == one for one in kinds])


class Truth:
    """One of three truth values: what makes it true, and what makes it false. If neither is so, it is unknown."""

    def __init__(self, true, false):
        self.true, self.false = true, false

    @staticmethod
    def known(known, holds):
        return Truth(z3.And(known, holds), z3.And(known, z3.Not(holds)))

    @staticmethod
    def all(parts):
        return Truth(z3.And([part.true for part in parts]), z3.Or([part.false for part in parts]))

    @staticmethod
    def any(parts):
        return Truth(z3.Or([part.true for part in parts]), z3.And([part.false for part in parts]))

    def negated(self):
        return Truth(self.false, self.true)


class Attribute:
    """A value of a call."""

    def __init__(self, name):
        self.kind = z3.Const(f"{name} kind", KIND)
        self.boolean = z3.Bool(f"{name} boolean")
        self.number = z3.Real(f"{name} number")
        self.string = z3.String(f"{name} string")

    def is_not_null(self):
        return z3.Not(is_in(self.kind, [MISSING, NULL]))


class Call:
    """Any call, as far as policies can read it."""

    def __init__(self, constants):
        self.scale = Scale(constants, len(ATTRIBUTES) + 1)
        self.tool = Attribute(TOOL)
        self.attributes = {}
        self.facts = [self.tool.kind == STRING]
        # The roles that are in the list, and whether it has only strings.
        self.listed = {}
        self.only_strings = z3.Bool("roles are strings")

    def attribute(self, name):
        return self.tool if name == TOOL else self.at(ATTRIBUTES[name])

    def at(self, path):
        if path not in self.attributes:
            above = self.at(path[:-1]) if len(path) > 2 else None
            attribute = self.attributes[path] = Attribute(".".join(path))
            if above:
                self.facts.append(z3.Or(attribute.kind == MISSING, above.kind == OBJECT))
            place = attribute.number
            self.facts += [place >= 0, place <= len(self.scale.numbers) - 1]
            self.facts += [z3.Or(place <= gap, place >= gap + 1) for gap in self.scale.gaps]
        return self.attributes[path]

    def has_one_of(self, names):
        """The caller has one of the roles, not by inheritance."""
        role, roles = self.attribute("agent.role"), self.attribute("agent.roles")
        readable = z3.And(
            is_in(role.kind, [MISSING, NULL, STRING]),
            is_in(roles.kind, [MISSING, NULL, LIST]),
            z3.Or(role.kind == STRING, roles.kind == LIST),
            z3.Implies(roles.kind == LIST, self.only_strings),
        )
        has = []
        for name in names:
            listed = self.listed.setdefault(name, z3.Bool(f"role {name}"))
            has += [z3.And(roles.kind == LIST, listed), z3.And(role.kind == STRING, role.string == text_value(name))]
        return Truth.known(readable, z3.Or(has))

    # A call of which a formula is true

    def shown(self, model):
        value = lambda term: model.eval(term, model_completion=True)  # noqa: E731
        is_so = lambda term: z3.is_true(value(term))  # noqa: E731
        place = lambda attribute: value(attribute.number).as_fraction()  # noqa: E731
        numbers = self.scale.texts([place(one) for one in self.attributes.values() if is_so(one.kind == NUMBER)])
        roles = [role for role, listed in self.listed.items() if is_so(listed)] + [7] * (not is_so(self.only_strings))

        def written(path, attribute):
            match str(value(attribute.kind)):
                case "boolean":
                    return is_so(attribute.boolean)
                case "number":
                    return Number(numbers[place(attribute)])
                case "huge":
                    return Number("1e6145")
                case "string":
                    return string_of(value(attribute.string))
                case "list":
                    return roles if path == ATTRIBUTES["agent.roles"] else []
                case "object":
                    return {}

        call = {"tool": string_of(value(self.tool.string))}
        for path, attribute in self.attributes.items():
            if not is_so(attribute.kind == MISSING):
                above = call
                for key in path[:-1]:
                    above = above.setdefault(key, {})
                above[path[-1]] = written(path, attribute)
        return write(call)


def string_of(value):
    """The text of a string that Z3 shows."""
    shown = value.as_string()
    parts = shown.split("\\u{")
    return parts[0] + "".join(chr(int(code, 16)) + rest for code, rest in (part.split("}", 1) for part in parts[1:]))


# Tests


def equals(one, other):
    """Two attributes, or one and a constant."""
    if isinstance(other, Attribute):
        pairs = [
            (BOOLEAN, one.boolean == other.boolean),
            (NUMBER, one.number == other.number),
            (STRING, one.string == other.string),
        ]
        both = lambda kind: z3.And(one.kind == kind, other.kind == kind)  # noqa: E731
        known = z3.Or([both(kind) for kind, _ in pairs])
        return Truth.known(known, z3.Or([z3.And(both(kind), equal) for kind, equal in pairs]))
    kind, value = other
    of_type = {BOOLEAN: one.boolean, NUMBER: one.number, STRING: one.string}
    return Truth.known(one.kind == kind, of_type[kind] == value)


def compare(operator, one, other):
    compares = {"lt": lt, "lte": le, "gt": gt, "gte": ge, "eq": eq, "ne": ne}
    return compares[operator](one, other)


class Policy:
    """What a policy decides about a call."""

    def __init__(self, document, call):
        self.document, self.call = document, call
        self.inherited = document.get("roles", {})
        self.listed = self.matches(document["tools"]) if "tools" in document else z3.BoolVal(True)

    # Conditions

    def condition(self, written):
        return Truth.all([self.part(key, value) for key, value in written.items()])

    def part(self, key, value):
        match key:
            case "all":
                return Truth.all([self.condition(part) for part in value])
            case "any":
                return Truth.any([self.condition(part) for part in value])
            case "not":
                return self.condition(value).negated()
        if not isinstance(value, dict):
            value = {"eq": value}
        return Truth.all([self.test(key, operator, operand) for operator, operand in value.items()])

    def test(self, name, operator, operand):
        attribute = self.call.attribute(name)
        match operator:
            case "has":
                return self.roles([operand])
            case "exists":
                present = attribute.is_not_null()
                return Truth.known(True, present if operand else z3.Not(present))
            case "type":
                types = operand if isinstance(operand, list) else [operand]
                return Truth.known(True, is_in(attribute.kind, chain.from_iterable(TYPES[one] for one in types)))
            case "eq":
                return equals(attribute, self.operand(operand))
            case "ne":
                return equals(attribute, self.operand(operand)).negated()
            case "in" | "not_in":
                constants = [self.operand(one) for one in operand]
                holds = z3.Or([equals(attribute, constant).true for constant in constants])
                truth = Truth.known(is_in(attribute.kind, {str(kind): kind for kind, _ in constants}.values()), holds)
                return truth if operator == "in" else truth.negated()
            case "lt" | "lte" | "gt" | "gte":
                other = self.operand(operand)
                known, place = [attribute.kind == NUMBER], other[1] if isinstance(other, tuple) else other.number
                if isinstance(other, Attribute):
                    known.append(other.kind == NUMBER)
                return Truth.known(z3.And(known), compare(operator, attribute.number, place))
            case "length":
                length = z3.ToReal(z3.Length(attribute.string))
                tests = [self.length(length, *one) for one in operand.items()]
                return Truth.known(attribute.kind == STRING, z3.And(tests))
            case "starts_with":
                return Truth.known(attribute.kind == STRING, z3.PrefixOf(text_value(operand), attribute.string))
            case "ends_with":
                return Truth.known(attribute.kind == STRING, z3.SuffixOf(text_value(operand), attribute.string))
            case "contains":
                return Truth.known(attribute.kind == STRING, z3.Contains(attribute.string, text_value(operand)))
        raise ValueError(operator)

    def operand(self, written):
        """Another attribute, or a constant: its kind, and its value."""
        match written:
            case {"ref": name}:
                return self.call.attribute(name)
            case bool():
                return BOOLEAN, z3.BoolVal(written)
            case Number():
                return NUMBER, z3.RealVal(self.call.scale.place(written))
        return STRING, text_value(written)

    @staticmethod
    def length(length, operator, operand):
        if operator in ("in", "not_in"):
            equal = z3.Or([length == z3.RealVal(str(one)) for one in operand])
            return equal if operator == "in" else z3.Not(equal)
        return compare(operator, length, z3.RealVal(str(operand)))

    def roles(self, names):
        """The caller has one of these roles, or one that inherits it."""
        heirs = set(names)
        while more := {role for role, parents in self.inherited.items() if heirs & {*parents}} - heirs:
            heirs |= more
        return self.call.has_one_of(sorted(heirs))

    # Rules

    def rule(self, rule):
        parts = [self.roles(rule["roles"])] if "roles" in rule else []
        parts += [self.condition(rule["when"])] if "when" in rule else []
        parts += [self.condition(rule["unless"]).negated()] if "unless" in rule else []
        return Truth.all(parts)

    def matches(self, tools):
        """One of the patterns matches the tool."""
        name = self.call.tool.string

        def one(pattern):
            if "*" not in pattern:
                return name == text_value(pattern)
            first, *between, last = pattern.split("*")
            between = [piece for piece in between if piece]
            if between and (first or last or len(between) > 1):
                raise ValueError(pattern)
            parts = [z3.PrefixOf(text_value(first), name), z3.SuffixOf(text_value(last), name)]
            parts += [z3.Contains(name, text_value(piece)) for piece in between]
            return z3.And(*parts, z3.Length(name) >= len(first) + len(last))

        return z3.Or([one(pattern) for pattern in ([tools] if isinstance(tools, str) else tools)])

    def rules(self, effect):
        """The rules with an effect: whether each is about the tool, and its truth."""
        return [(self.matches(rule[effect]), self.rule(rule)) for rule in self.document["rules"] if effect in rule]

    def decides(self):
        """For each effect, whether it is what the policy decides."""
        is_true = lambda effect: z3.Or([z3.And(about, truth.true) for about, truth in self.rules(effect)])  # noqa: E731
        is_not_false = lambda effect: z3.Or([z3.And(about, z3.Not(truth.false)) for about, truth in self.rules(effect)])  # noqa: E731
        allowed = True if self.document.get("default") == "allow" else is_true("allow")
        open = z3.And(self.listed, z3.Not(is_not_false("deny")), z3.Or(allowed, is_true("ask")))
        held = is_not_false("ask")
        return {"deny": z3.Not(open), "ask": z3.And(open, held), "allow": z3.And(open, z3.Not(held))}

    def breaks(self, guarantee):
        """A call breaks a guarantee."""
        truth, decides = self.rule(guarantee), self.decides()
        if "never_allow" in guarantee:
            about = z3.And(self.matches(guarantee["never_allow"]), z3.Not(truth.false))
            return z3.And(about, z3.Not(decides["deny"]))
        # No rule of the policy allows a tool that it does not list.
        about = z3.And(self.listed, self.matches(guarantee["always_allow"]), truth.true)
        return z3.And(about, z3.Not(decides["allow"]))
