#!/usr/bin/env python3
"""Holds statements that perso has read against other readers of each dialect.

A line of the standard input is a statement: its `dialect`, its `text`, and what was `read` of it. `ordinary` says that it is
not about the tables of `SCHEMA`.

A statement must read no table, call no function and name no column that is not in what was read, and be of the kind that
was read. SQLite itself says by its authorizer what it reads, PostgreSQL's own parser comes with pglast, and sqlglot reads
MySQL. What is read as `any` is held against all three.
"""

import json
import re
import sqlite3
import sys
from collections import Counter

import pglast
import sqlglot
from pglast import ast, enums
from sqlglot import exp

SCHEMA = {
    "customers": ["id", "name", "city", "email", "customers"],
    "orders": ["id", "customer_id", "total", "status", "created_at"],
    "products": ["id", "name", "price", "date", "rows"],
    "secrets": ["id", "key", "value", "first"],
    "t": ["a", "b", "c", "id"],
}


class Unread(Exception):
    """The other reader does not read the statement."""


def lacks(facets, tables=(), functions=(), columns=(), kind=None):
    """What of that the facets lack."""
    missing = [f"table {name}" for name in tables if name not in facets["tables"]]
    missing += [f"function {name}" for name in functions if name not in facets["functions"]]
    missing += [f"column {name}" for name in columns if name not in facets["columns"] and "*" not in facets["columns"]]
    if kind is not None and kind != facets["statement"]:
        missing.append(f"statement {kind}")
    return missing


# SQLite


class Sqlite:
    """SQLite, asked by its authorizer while it compiles a statement."""

    READ = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
    WRITE = {
        sqlite3.SQLITE_INSERT: "insert",
        sqlite3.SQLITE_UPDATE: "update",
        sqlite3.SQLITE_DELETE: "delete",
    }
    # Operators that SQLite runs as functions of its own.
    OPERATORS = {"like", "glob", "->", "->>"}

    def __init__(self, schema=SCHEMA):  # noqa: B006
        self.database = sqlite3.connect(":memory:", cached_statements=0)
        for table, columns in schema.items():
            names = ", ".join(f'"{column}"' for column in sorted(columns))
            self.database.execute(f"CREATE TABLE {table} ({names})")
        for name in ["regexp", "match", "f", "left", "right", "mod", "concat", "char_length", "sleep", "year"]:
            self.database.create_function(name, -1, lambda *_: None)
        pages = self.database.execute("SELECT rootpage, name FROM sqlite_master")
        self.pages = {1: "sqlite_master", **dict(pages)}
        self.seen = []
        self.database.set_authorizer(self.authorize)

    def authorize(self, action, first, second, _database, _view):
        self.seen.append((action, first, second))
        return sqlite3.SQLITE_OK

    def lacks(self, text, facets):
        self.seen = []
        try:
            program = self.database.execute("EXPLAIN " + text).fetchall()
        except (sqlite3.Error, sqlite3.Warning) as error:
            # A statement that it does not compile, it may have looked at in part.
            if not self.seen:
                raise Unread(str(error)) from error
            failed, program = error, []
        else:
            failed = None
        functions, columns, kinds, missing = set(), set(), set(), []
        written = {name.lower() for name in facets["tables"]}
        # What the compiled program opens.
        opened = [self.pages.get(step[3], "") for step in program if step[1] in ("OpenRead", "OpenWrite") and step[4] == 0]
        for action, first, second in self.seen:
            if action == sqlite3.SQLITE_READ:
                # Without a column it may be a common table expression, and in some joins its alias, or that of a query.
                if second and first in self.pages.values():
                    opened.append(first)
                    columns.add(second.lower())
            elif action == sqlite3.SQLITE_FUNCTION:
                # Of a column of `USING`, SQLite takes the one that is not null.
                using = second == "coalesce" and re.search(r"(?i)natural|using", text)
                if second.lower() not in self.OPERATORS and not using:
                    functions.add(second.lower())
            elif action in self.WRITE:
                kinds.add(self.WRITE[action])
                if action == sqlite3.SQLITE_UPDATE:
                    columns.add(second.lower())
            elif action not in self.READ:
                missing.append(f"action {action} {first} {second}")
        tables = {name for name in opened if not {name.lower(), f"main.{name.lower()}"} & written}
        missing += lacks(facets, tables, functions, columns)
        if not failed and (kinds or {"select"}) != {facets["statement"]}:
            missing.append(f"statement {kinds}")
        if failed and not missing:
            raise Unread(str(failed))
        return missing


# PostgreSQL


class Postgres:
    """PostgreSQL's own parser."""

    KINDS = {ast.SelectStmt: "select", ast.InsertStmt: "insert", ast.UpdateStmt: "update", ast.DeleteStmt: "delete"}
    # Nodes that are understood here; any other is a fault.
    PLAIN = (
        ast.ResTarget, ast.A_Const, ast.A_Expr, ast.BoolExpr, ast.NullTest, ast.BooleanTest, ast.SubLink, ast.CaseExpr,
        ast.CaseWhen, ast.SortBy, ast.WindowDef, ast.A_ArrayExpr, ast.A_Indirection, ast.A_Indices, ast.RowExpr,
        ast.CollateClause, ast.JoinExpr, ast.RangeSubselect, ast.Alias, ast.String, ast.Integer, ast.Float, ast.Boolean,
        ast.SetToDefault, ast.List if hasattr(ast, "List") else ast.String, ast.ReturningClause,
    )  # fmt: skip
    # What is called where a function is not written as one.
    SYNTAX = {"btrim": "trim", "ltrim": "trim", "rtrim": "trim"}
    OPERATORS = {"timezone", "like_escape", "similar_to_escape"}
    NODES = {
        ast.CoalesceExpr: ["coalesce"], ast.MinMaxExpr: ["greatest", "least"], ast.GroupingFunc: ["grouping"],
        ast.JsonObjectConstructor: ["json_object"], ast.JsonArrayConstructor: ["json_array"], ast.JsonParseExpr: ["json"],
        ast.JsonScalarExpr: ["json_scalar"], ast.JsonSerializeExpr: ["json_serialize"],
        ast.JsonFuncExpr: ["json_value", "json_query", "json_exists"], ast.MergeSupportFunc: ["merge_action"],
        ast.XmlExpr: ["xmlconcat", "xmlelement", "xmlforest", "xmlparse", "xmlpi", "xmlroot"],
        ast.XmlSerialize: ["xmlserialize"], ast.JsonObjectAgg: ["json_objectagg"], ast.JsonArrayAgg: ["json_arrayagg"],
        ast.JsonArrayQueryConstructor: ["json_array"], ast.GroupingSet: ["rollup", "cube"],
    }  # fmt: skip
    TYPES = set(
        "int2 int4 int8 bool bytea bpchar varchar date numeric float4 float8 interval json jsonb text time timestamp timestamptz "
        "timetz uuid char double".split()
    )

    def lacks(self, text, facets):
        try:
            statements = pglast.parse_sql(text)
        except (pglast.parser.ParseError, pglast.Error) as error:
            raise Unread(str(error)) from error
        if len(statements) != 1:
            return [f"{len(statements)} statements"]
        top = statements[0].stmt
        self.facets = facets
        self.tables, self.functions, self.columns, self.faults = [], [], [], []
        self.lone, self.rows, self.everything = [], [], False
        self.statement(top, [])
        if any(name in self.rows for name in self.lone):
            self.everything = True
        missing = self.faults + lacks(facets, self.tables, self.functions, self.columns, self.KINDS.get(type(top), str(type(top))))
        if self.everything and "*" not in facets["columns"]:
            missing.append("column *")
        if facets["limit"] is not None:
            limit = getattr(top, "limitCount", None) or getattr(getattr(top, "selectStmt", None), "limitCount", None)
            value = getattr(getattr(limit, "val", None), "ival", None)
            if value is None:
                value = getattr(getattr(limit, "val", None), "fval", None)
            if value is None or int(value) != facets["limit"]:
                missing.append(f"limit {value}")
        return missing

    def statement(self, node, visible):
        visible = list(visible)
        clause = node.withClause
        if clause is not None:
            names = [cte.ctename for cte in clause.ctes]
            if clause.recursive:
                visible += names
            for cte in clause.ctes:
                if not isinstance(cte.ctequery, ast.SelectStmt):
                    self.faults.append("a CTE that changes")
                if cte.search_clause or cte.cycle_clause:
                    self.faults.append("search or cycle")
                self.statement(cte.ctequery, visible)
                if not clause.recursive:
                    visible.append(cte.ctename)
        if isinstance(node, ast.SelectStmt):
            if node.intoClause is not None or node.lockingClause is not None:
                self.faults.append("into, or a lock")
            if node.limitOption is not None and node.limitOption == enums.LimitOption.LIMIT_OPTION_WITH_TIES:
                self.faults.append("ties")
        else:
            self.table(node.relation, [])
            for target in getattr(node, "cols", None) or []:
                self.columns.append(target.name)
            if isinstance(node, ast.InsertStmt):
                self.everything |= not node.cols
                if node.onConflictClause is not None:
                    self.faults.append("on conflict")
            if isinstance(node, ast.UpdateStmt):
                self.columns += [target.name for target in node.targetList]
                if node.fromClause:
                    self.faults.append("update from")
            if isinstance(node, ast.DeleteStmt) and node.usingClause:
                self.faults.append("delete using")
        for slot in node:
            if slot in ("withClause", "relation", "cols"):
                continue
            self.walk(getattr(node, slot), visible)

    def table(self, node, visible):
        if not node.inh:
            self.faults.append("only")
        if node.catalogname:
            self.faults.append("a catalog")
        if node.schemaname is None and node.relname in visible:
            return
        self.tables.append(f"{node.schemaname}.{node.relname}" if node.schemaname else node.relname)
        self.rows.append(node.relname)
        if node.alias is not None:
            self.rows.append(node.alias.aliasname)

    def walk(self, node, visible):
        if isinstance(node, (tuple, list)):
            for each in node:
                self.walk(each, visible)
            return
        if not isinstance(node, ast.Node):
            return
        kind = type(node)
        if kind in self.KINDS:
            self.statement(node, visible)
            return
        if kind is ast.RangeVar:
            self.table(node, visible)
            return
        if kind is ast.ColumnRef:
            names = [getattr(field, "sval", "*") for field in node.fields]
            if names[-1] == "*":
                self.everything = True
            else:
                self.columns.append(names[-1])
            if len(names) == 1:
                self.lone.append(names[0])
            return
        if kind is ast.FuncCall:
            names = [name.sval for name in node.funcname]
            if node.funcformat == enums.CoercionForm.COERCE_SQL_SYNTAX or names[-1] in self.OPERATORS and names[0] == "pg_catalog":
                name = self.SYNTAX.get(names[-1], names[-1])
                # `TRIM` and the others may also be called as what they are.
                if name not in self.OPERATORS and ".".join(names) not in self.facets["functions"]:
                    self.functions.append(name)
            else:
                self.functions.append(".".join(names))
        elif kind is ast.SQLValueFunction:
            name = node.op.name.removeprefix("SVFOP_").removesuffix("_N").lower()
            self.functions.append("user" if name == "user" else name)
        elif kind is ast.TypeCast:
            names = [name.sval for name in node.typeName.names]
            if names[-1] not in self.TYPES or len(names) > 1 and names[0] != "pg_catalog":
                self.faults.append(f"type {names}")
            self.walk(node.arg, visible)
            return
        elif kind in self.NODES:
            if not set(self.NODES[kind]) & set(self.facets["functions"]):
                self.faults.append(f"function of {kind.__name__}")
        elif kind is ast.A_Expr and node.kind == enums.A_Expr_Kind.AEXPR_NULLIF:
            self.functions.append("nullif")
        elif kind is ast.A_Expr and node.kind == enums.A_Expr_Kind.AEXPR_OP and len(node.name) > 1:
            self.faults.append("an operator of a schema")
        elif kind is ast.A_Indirection:
            if not all(isinstance(index, ast.A_Indices) for index in node.indirection):
                self.faults.append("a field")
        elif kind is ast.JoinExpr:
            self.everything |= bool(node.isNatural)
            self.columns += [name.sval for name in node.usingClause or []]
        elif kind is ast.SortBy and node.useOp:
            self.faults.append("using an operator")
        elif kind not in self.PLAIN:
            self.faults.append(f"node {kind.__name__}")
        for slot in node:
            if slot == "usingClause":
                continue
            self.walk(getattr(node, slot), visible)


# MySQL


class Mysql:
    """sqlglot's reader of MySQL."""

    KINDS = {exp.Select: "select", exp.SetOperation: "select", exp.Subquery: "select", exp.Insert: "insert", exp.Update: "update",
             exp.Delete: "delete"}  # fmt: skip
    # Classes of functions that are operators, or that are written without a call.
    OPERATORS = (
        exp.Connector, exp.Case, exp.Cast, exp.Exists, exp.Any, exp.All, exp.RegexpLike, exp.JSONExtract, exp.JSONExtractScalar,
        exp.Interval, exp.TsOrDsToTimestamp, exp.TsOrDsToDate, exp.Collate, exp.ILike, exp.Xor, exp.Predicate,
    )  # fmt: skip

    def lacks(self, text, facets):
        try:
            statements = [each for each in sqlglot.parse(text, read="mysql") if each is not None]
        except (sqlglot.errors.SqlglotError, AttributeError) as error:
            raise Unread(str(error).split("\n")[0]) from error
        if len(statements) != 1:
            return [f"{len(statements)} statements"]
        top = statements[0]
        if isinstance(top, exp.Command):
            raise Unread("a command")
        kind = next((name for of, name in self.KINDS.items() if isinstance(top, of)), type(top).__name__)
        tables, functions, columns, missing = [], [], [], []
        written = set(facets["functions"])
        for node in top.walk():
            if isinstance(node, exp.Table):
                if isinstance(node.this, exp.Func):
                    missing.append("a function in place of a table")
                elif node.args.get("db") or not self.is_visible(node):
                    tables.append(".".join(part.name for part in node.parts).lower())
            elif isinstance(node, exp.Star):
                # `f(*)` is `f()`, if it is anything.
                if not isinstance(node.parent, exp.Func) and "*" not in facets["columns"]:
                    missing.append("column *")
            elif isinstance(node, exp.Column):
                # sqlglot has no `UTC_DATE` without brackets.
                # sqlglot takes collations for columns, `DEFAULT`, and the 5 of `.5` in some places.
                if node.name.isdigit() or node.name.lower() == "default" or re.search(rf"(?i)\bcollate\s+{re.escape(node.name)}\b", text):
                    continue
                if not isinstance(node.this, exp.Star) and not node.name.lower().startswith("utc_"):
                    columns.append(node.name.lower())
            elif isinstance(node, exp.Join):
                if node.args.get("method") == "NATURAL" and "*" not in facets["columns"]:
                    missing.append("column * of a natural join")
                columns += [each.name.lower() for each in node.args.get("using") or []]
            elif isinstance(node, (exp.Into, exp.Lock, exp.Parameter, exp.SessionParameter, exp.Command)):
                missing.append(type(node).__name__)
            elif isinstance(node, exp.If) and isinstance(node.parent, exp.Case):
                continue
            elif isinstance(node, exp.Func) and not isinstance(node, self.OPERATORS):
                names = self.names(node)
                # MySQL has no lists there, which are nothing that could be read.
                if not names & (written | {"any", "all", "some"}):
                    functions.append("/".join(sorted(names)))
        limit = (top.expression if isinstance(top, exp.Insert) else top).args.get("limit")
        if facets["limit"] is not None:
            number = getattr(limit, "expression", None)
            if number is None or number.name != str(facets["limit"]) and int(number.name) != facets["limit"]:
                missing.append(f"limit {number}")
        return missing + lacks(facets, tables, functions, columns, kind)

    @staticmethod
    def names(node):
        """What a function may be called: sqlglot has one name for several."""
        if isinstance(node, exp.Anonymous):
            return {node.name.lower()}
        names = {name.lower() for name in type(node).sql_names()}
        for dialect in ("mysql", ""):
            found = re.match(r"\s*(\w+)", node.sql(dialect))
            if found:
                names.add(found[1].lower())
        names.add(str(node.meta.get("name", "")).lower())
        return names | ALIASES.get(type(node).__name__, set())

    @staticmethod
    def is_visible(table):
        """Whether that is a common table expression: as MySQL has it, by its exact name."""
        inside = table
        while inside.parent is not None:
            outside = inside.parent
            clause = outside.args.get("with_")
            if clause is not None and inside is not clause:
                if any(cte.alias == table.name for cte in clause.expressions):
                    return True
            if isinstance(outside, exp.With):
                for cte in outside.expressions:
                    if cte is inside:
                        if outside.args.get("recursive") and cte.alias == table.name:
                            return True
                        break
                    if cte.alias == table.name:
                        return True
                # The statement that the clause belongs to has been looked at.
                inside = outside.parent
                continue
            inside = outside
        return False


ALIASES = {
    "CurrentTimestamp": {"now", "current_timestamp", "localtime", "localtimestamp", "sysdate"},
    "CurrentDate": {"curdate", "current_date"},
    "CurrentTime": {"curtime", "current_time"},
    "Length": {"length", "char_length", "octet_length", "character_length"},
    "Coalesce": {"coalesce", "ifnull", "nvl"},
    "If": {"if"},
    "Mod": {"mod"},
    "TimestampDiff": {"timestampdiff"},
    "DateDiff": {"datediff", "timestampdiff"},
    "UtcDate": {"utc_date"},
    "UtcTime": {"utc_time"},
    "UtcTimestamp": {"utc_timestamp"},
    "CurrentUser": {"current_user"},
    "SessionUser": {"session_user"},
    "Localtime": {"localtime"},
    "Localtimestamp": {"localtimestamp"},
    "TimeToStr": {"date_format"},
    "Substring": {"substr", "substring", "mid"},
    "StrPosition": {"position", "locate", "instr"},
    "Trim": {"trim", "ltrim", "rtrim"},
    "TsOrDsToDate": {"date"},
    "Date": {"date"},
    "Lower": {"lower", "lcase"},
    "Upper": {"upper", "ucase"},
    "Chr": {"char"},
    "Year": {"year"},
    "CurrentSchema": {"database", "schema"},
    "Extract": {"extract"},
}


def main():
    readers = {"sqlite": Sqlite(), "postgres": Postgres(), "mysql": Mysql()}
    counts, faults = Counter(), 0
    for case in map(json.loads, sys.stdin):
        dialect, text, read = case["dialect"], case["text"], case["read"]
        for name, reader in readers.items():
            if dialect not in (name, "any"):
                continue
            if case["ordinary"] and name == "sqlite":
                tables = [table for table in read["tables"] if "." not in table and not table.startswith("sqlite_")]
                reader = Sqlite({table: {*read["columns"], "id"} - {"*"} for table in tables})
            try:
                missing = reader.lacks(text, read)
            except Unread as error:
                counts[f"{dialect}: not read by {name}"] += 1
                if "--unread" in sys.argv:
                    print(f"{name} does not read: {text!r}: {error}")
                continue
            counts[f"{dialect}: held against {name}"] += 1
            if missing:
                faults += 1
                print(f"{dialect}, {name}: {text!r}\n  {read}\n  lacks {missing}")
                if faults > 20:
                    sys.exit("too many faults")
    for name, number in sorted(counts.items()):
        print(f"{number:8} {name}")
    print(f"{faults} faults")
    sys.exit(faults > 0)


if __name__ == "__main__":
    main()
