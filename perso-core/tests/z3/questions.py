"""Random policies, and questions about them: guarantees that may hold or not, and policies with something changed.

Documents are dictionaries and lists, with numbers as they are written. The vocabularies are small, and questions are mostly
made of what the policy says, so that many have a call as the answer, and many have none.
"""

import copy
import json

# How each attribute is written, and where it is in a call.
ATTRIBUTES = {
    "args.amount": ("args", "amount"),
    "args.limit": ("args", "limit"),
    "args.name": ("args", "name"),
    "args.o": ("args", "o"),
    "args.o.x": ("args", "o", "x"),
    "args.o.x.y": ("args", "o", "x", "y"),
    'args["a.b"]': ("args", "a.b"),
    "agent.id": ("agent", "id"),
    "agent.limit": ("agent", "limit"),
    "agent.mfa": ("agent", "mfa"),
    "agent.role": ("agent", "role"),
    "agent.roles": ("agent", "roles"),
    "resource.owner": ("resource", "owner"),
    "resource.open": ("resource", "open"),
    "context.env": ("context", "env"),
}
TOOL = "tool"

NUMBERS = """0 -0 1 2 5 5.0 0.5e1 500 5e2 500.01 -3 0.1 1e-6144 -1e-6144 2e-6144 9.9e6144 -9.9e6144
    9007199254740993 9007199254740992 99999999999999999999999999999999999999 99999999999999999999999999999999999998
    99999999999999999999999999999999999997e2 5.0000000000000000000000000000000000001
    5.0000000000000000000000000000000000004""".split()
STRINGS = ["", "a", "ab", "abc", "b", "ba", "é", "é", "😀", "a😀", "5", "true", "A", "clerk", "read", 'a"\\', "a\nb\0"]
TYPES = ["null", "boolean", "number", "string", "list", "object"]
ROLES = ["clerk", "manager", "admin", "auditor"]
TOOLS = ["read", "read_all", "refund", "mail", "delete"]
PATTERNS = ["re*", "*_all", "*", "r*l", "*a*", "**d", "m*l"]


class Number(str):
    """A number as it is written."""


def write(value):
    """As JSON."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {write(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(write, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


class Questions:
    """Documents from one source of randomness."""

    def __init__(self, random):
        self.random = random
        pick = random.sample
        self.attributes = pick([name for name in ATTRIBUTES if name != "agent.roles"], random.randint(1, 5))
        self.numbers = pick(NUMBERS, random.randint(1, 5))
        self.strings = pick(STRINGS, random.randint(1, 5))
        self.patterns = pick(TOOLS, random.randint(1, 2)) + pick(PATTERNS, random.choice([0, 0, 1, 2]))
        self.roles = self.table() if self.chance(2, 3) else None

    def chance(self, of, all):
        return self.random.randrange(all) < of

    def table(self):
        """Roles, each of which may inherit from those before it."""
        inherited = lambda index: [role for role in ROLES[:index] if self.chance(1, 3)]  # noqa: E731
        table = [(role, inherited(index)) for index, role in enumerate(ROLES)]
        self.random.shuffle(table)
        return dict(table)

    # Conditions

    def literal(self):
        kinds = [lambda: self.chance(1, 2), lambda: Number(self.random.choice(self.numbers))]
        return self.random.choice([*kinds, lambda: self.random.choice(self.strings)])()

    def reference(self, name):
        """To another attribute, and rarely to the same."""
        others = [other for other in self.attributes if other != name]
        return {"ref": self.random.choice(others if others and self.chance(19, 20) else self.attributes)}

    def equality(self, name, literal):
        pick = self.random.choice
        match pick(["eq", "eq", "ne", "in", "in", "not_in"]):
            case "in" | "not_in" as operator:
                return {operator: [literal() for _ in range(self.random.randint(1, 4))]}
            case operator:
                other = {"ref": TOOL} if self.chance(1, 10) else self.reference(name)
                return {operator: other if self.chance(1, 4) else literal()}

    def bounds(self, name):
        operators = self.random.sample(["lt", "lte", "gt", "gte"], self.random.choice([1, 1, 2]))
        operand = lambda: self.reference(name) if self.chance(1, 3) else Number(self.random.choice(self.numbers))  # noqa: E731
        return {operator: operand() for operator in operators}

    def text(self):
        if self.chance(1, 3):
            lengths = [Number(number) for number in ["0", "1", "2", "3"]]
            match self.random.choice(["eq", "ne", "lt", "lte", "gt", "gte", "in", "not_in"]):
                case "in" | "not_in" as operator:
                    return {"length": {operator: self.random.sample(lengths, 2)}}
                case operator:
                    return {"length": {operator: self.random.choice(lengths)}}
        operator = self.random.choice(["starts_with", "ends_with", "contains"])
        return {operator: self.random.choice(self.strings)}

    def test(self):
        """A test of an attribute: its name, and what it is tested for."""
        name = self.random.choice(self.attributes)
        name = TOOL if self.chance(1, 12) else "agent.roles" if self.chance(1, 8) else name
        return name, self.tested(name)

    def tested(self, name):
        if name == TOOL:
            tool = lambda: self.random.choice(TOOLS)  # noqa: E731
            return self.random.choice([lambda: self.equality(name, tool), self.text])()
        if name == "agent.roles":
            return {"has": self.random.choice(ROLES)} if self.chance(5, 6) else self.presence()
        equality, bounds = lambda: self.equality(name, self.literal), lambda: self.bounds(name)
        both = [lambda: {**bounds(), **equality()}, lambda: {**self.text(), **self.presence()}]
        return self.random.choice([self.literal, equality, equality, bounds, bounds, self.text, self.presence, *both])()

    def presence(self):
        if self.chance(1, 2):
            return {"exists": self.chance(2, 3)}
        several = self.random.sample(TYPES, self.random.randint(1, 3))
        return {"type": several if self.chance(1, 2) else several[0]}

    def condition(self, depth=3):
        parts = []
        for _ in range(self.random.choice([1, 1, 1, 2])):
            match self.random.choice(["all", "any", "any", "not"]) if depth and self.chance(1, 3) else "test":
                case "not":
                    parts.append(("not", self.condition(depth - 1)))
                case "test":
                    parts.append(self.test())
                case kind:
                    parts.append((kind, [self.condition(depth - 1) for _ in range(self.random.randint(1, 3))]))
        return dict(parts)

    # Documents

    def about(self, rule):
        """Adds which calls a rule is about."""
        if self.chance(1, 4):
            rule["roles"] = self.random.sample(ROLES, self.random.choice([1, 1, 2]))
        if self.chance(4, 5):
            rule["when"] = self.condition()
        if self.chance(1, 4):
            rule["unless"] = self.condition()
        return rule

    def tools(self):
        several = self.random.sample(self.patterns, self.random.randint(1, min(2, len(self.patterns))))
        return several if self.chance(1, 4) else several[0]

    def rule(self, id):
        effect = self.random.choice(["allow", "allow", "allow", "deny", "ask"])
        return self.about({"id": id, effect: self.tools()})

    def policy(self):
        document = {"perso": Number("1"), "rules": [self.rule(f"r{at}") for at in range(self.random.randint(1, 5))]}
        if self.roles:
            document["roles"] = self.roles
        if self.chance(1, 4):
            # Each pattern matches one of these.
            document["tools"] = self.random.sample(TOOLS, len(TOOLS))
        if self.chance(1, 4):
            document["default"] = self.random.choice(["allow", "deny"])
        return document

    def guaranteed(self):
        """A policy with guarantees: some are its own rules, as they are, turned around, or with something changed."""
        document = self.policy()
        document["guarantees"] = []
        for at in range(self.random.randint(1, 4)):
            rule = copy.deepcopy(self.random.choice(document["rules"]))
            tools = next(rule[effect] for effect in ("allow", "deny", "ask") if effect in rule)
            guarantee = {"id": f"g{at}", self.random.choice(["never_allow", "never_allow", "always_allow"]): tools}
            about = {key: rule[key] for key in ("roles", "when", "unless") if key in rule}
            match self.random.choice(["as it is", "turned", "random", "changed", "changed", "narrower"]):
                case "turned":
                    held = [{key: about[key]} for key in ("when", "unless") if key in about]
                    about = {"unless" if "when" in part else "when": next(iter(part.values())) for part in held}
                case "random":
                    about = self.about({})
                case "changed":
                    self.change_condition(about)
                case "narrower":
                    about["when"] = {"all": [about.get("when") or {"all": [self.condition()]}, self.condition()]}
                case _:
                    pass
            document["guarantees"].append(guarantee | about)
        return document

    def changed(self, document):
        """The same policy with something changed, or only written otherwise."""
        document = copy.deepcopy(document)
        rules = document["rules"]
        kinds = ["condition"] * 4 + ["rewritten"] * 4 + ["remove", "add", "effect", "roles", "default", "order"]
        # Rewritten twice, conditions could be nested too deep.
        for kind in dict.fromkeys(self.random.choices(kinds, k=self.random.randint(1, 2))):
            rule = self.random.choice(rules) if rules else None
            match kind:
                case "condition" if rule:
                    self.change_condition(rule)
                case "rewritten" if rule:
                    rule |= {key: self.rewritten(rule[key]) for key in ("when", "unless") if key in rule}
                case "remove" if rule:
                    rules.remove(rule)
                case "add":
                    rules.insert(self.random.randint(0, len(rules)), self.rule(f"n{len(rules)}"))
                case "effect" if rule:
                    old = next(effect for effect in ("allow", "deny", "ask") if effect in rule)
                    new = self.random.choice(["allow", "deny", "ask"])
                    rules[rules.index(rule)] = {new if key == old else key: value for key, value in rule.items()}
                case "roles":
                    if "roles" in document:
                        document["roles"] = self.table()
                case "default":
                    document["default"] = self.random.choice(["allow", "deny"])
                case _:
                    self.random.shuffle(rules)
        return document

    def change_condition(self, rule):
        """Changes one thing in what a rule is about."""
        key = self.random.choice(["when", "unless"])
        rule[key] = self.varied(rule[key]) if key in rule else self.condition()

    def varied(self, condition):
        """A condition with one thing changed."""
        key = self.random.choice(list(condition))
        rest = {other: value for other, value in condition.items() if other != key}
        if rest and self.chance(1, 4):
            return rest
        match key, condition[key]:
            case "not", below:
                return rest | {"not": self.varied(below)}
            case (("all" | "any"), [*parts]):
                at = self.random.randrange(len(parts))
                match self.random.choice(["vary", "vary", "remove", "add", "turn"]):
                    case "remove" if len(parts) > 1:
                        parts.pop(at)
                    case "add":
                        parts.insert(at, self.condition(0))
                    case "turn":
                        return {**rest, "all": parts} if key == "any" and "all" not in rest else rest or self.condition()
                    case _:
                        parts[at] = self.varied(parts[at])
                return rest | {key: parts}
            case name, {"lt": Number()} | {"lte": Number()} | {"gt": Number()} | {"gte": Number()} as bounds:
                numbers = {one: Number(self.random.choice(self.numbers)) for one in bounds if one in ("lt", "lte", "gt", "gte")}
                return rest | {name: bounds | numbers}
            case name, {"in": [*constants]} | {"not_in": [*constants]} as test if name != TOOL:
                several = self.random.sample(constants, self.random.randint(1, len(constants)))
                return rest | {name: test | {"in" if "in" in test else "not_in": several}}
            case name, _:
                return rest | {name: self.tested(name)}

    def rewritten(self, condition):
        """A condition that means the same, or seems to."""
        parts = []
        for key, value in condition.items():
            match key, value:
                case "not", _:
                    parts.append({"not": self.rewritten(value)})
                case (("all" | "any"), _):
                    below = [self.rewritten(part) for part in value]
                    if self.chance(1, 2):
                        other = "any" if key == "all" else "all"
                        parts.append({"not": {other: [{"not": part} for part in below]}})
                    else:
                        parts.append({key: self.random.sample(below, len(below))})
                case _, dict():
                    parts += [self.rewritten_test(key, operator, operand) for operator, operand in value.items()]
                case _:
                    parts.append({key: {"eq": value}})
        return {"all": parts}

    def rewritten_test(self, attribute, operator, operand):
        opposite = {"lt": "gte", "lte": "gt", "gt": "lte", "gte": "lt", "eq": "ne", "ne": "eq", "in": "not_in", "not_in": "in"}
        turned = {"lt": "gt", "lte": "gte", "gt": "lt", "gte": "lte", "eq": "eq", "ne": "ne"}
        plain = {attribute: {operator: operand}}
        match operand:
            case {"ref": other} if operator in turned and TOOL not in (attribute, other) and self.chance(1, 2):
                return {other: {turned[operator]: {"ref": attribute}}}
            case list() if operator == "in" and self.chance(1, 2):
                return {"any": [{attribute: literal} for literal in operand]}
            case bool() if operator == "exists" and self.chance(1, 2):
                return {"not": {attribute: {"exists": not operand}}}
        if operator in opposite and self.chance(1, 2):
            return {"not": {attribute: {opposite[operator]: operand}}}
        return plain
