//! Random statements of SQL: mostly valid ones over a small schema, and some with a few tokens changed.

use arbitrary::Unstructured;
use perso_core::policy::Dialect;

/// Where choices come from. Without noise it is always the first.
struct Random<'a, 'u>(&'a mut Unstructured<'u>);

impl Random<'_, '_> {
    /// A number below that.
    fn below(&mut self, end: usize) -> usize {
        self.0.int_in_range(0..=end.max(1) - 1).unwrap_or_default()
    }

    /// True so many times of a hundred.
    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) >= 100 - percent
    }

    fn of<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from.get(self.below(from.len())).copied().unwrap_or_default()
    }
}

/// Random statements of a dialect: always the same, unless `PERSO_SEED` has another seed.
pub(crate) fn random(
    count: u32,
    dialect: Dialect,
    make: impl Fn(&mut Unstructured<'_>, Dialect) -> String,
) -> impl Iterator<Item = String> {
    let seed: u64 = std::env::var("PERSO_SEED").map_or(0, |seed| seed.parse().expect("PERSO_SEED is a number"));
    let mut noise = super::noise(seed << 2 | dialect as u64);
    (0..count).map(move |_| {
        let noise: Vec<u8> = (0..100).flat_map(|_| noise()).collect();
        make(&mut Unstructured::new(&noise), dialect)
    })
}

/// A random statement, perhaps changed.
pub(crate) fn statement(u: &mut Unstructured<'_>, dialect: Dialect) -> String {
    Generator::new(u, dialect).statement()
}

/// A random statement that the dialect reads, as far as that is easy to make.
pub(crate) fn valid(u: &mut Unstructured<'_>, dialect: Dialect) -> String {
    Generator::new(u, dialect).valid()
}

/// The tables of the schema, with their columns.
const TABLES: &[(&str, &[&str])] = &[
    ("customers", &["id", "name", "city", "email", "customers"]),
    ("orders", &["id", "customer_id", "total", "status", "created_at"]),
    ("products", &["id", "name", "price", "date", "rows"]),
    ("secrets", &["id", "key", "value", "first"]),
    ("t", &["a", "b", "c", "id"]),
];

const FUNCTIONS: &[&str] = &["count", "sum", "avg", "min", "max", "lower", "upper", "length", "abs", "round", "trim"];

/// Words that a reader may stumble over.
const WORDS: &[&str] = &[
    "select",
    "SELECT",
    "from",
    "where",
    "group by",
    "having",
    "order by",
    "limit",
    "offset",
    "union",
    "union all",
    "except",
    "intersect",
    "as",
    "on",
    "using",
    "join",
    "natural",
    "natural join",
    "cross join",
    "inner",
    "left",
    "right",
    "full",
    "outer",
    "all",
    "distinct",
    "and",
    "or",
    "not",
    "in",
    "is",
    "is not",
    "is distinct from",
    "like",
    "between",
    "escape",
    "collate",
    "case",
    "when",
    "then",
    "else",
    "end",
    "cast",
    "exists",
    "null",
    "true",
    "with",
    "recursive",
    "with recursive",
    "window",
    "over",
    "filter",
    "within group",
    "values",
    "table",
    "into",
    "for update",
    "for",
    "lateral",
    "only",
    "any",
    "some",
    "array",
    "row",
    "interval",
    "date",
    "time",
    "timestamp",
    "at time zone",
    "at",
    "ilike",
    "glob",
    "match",
    "regexp",
    "rlike",
    "similar to",
    "div",
    "mod",
    "xor",
    "binary",
    "distinctrow",
    "straight_join",
    "high_priority",
    "sql_no_cache",
    "current_user",
    "current_date",
    "current_timestamp",
    "session_user",
    "user",
    "localtime",
    "utc_date",
    "default",
    "collation for",
    "variadic",
    "tablesample",
    "returning",
    "insert into",
    "update",
    "delete from",
    "set",
    "nulls first",
    "asc",
    "desc",
    "rows",
    "range",
    "partition by",
    "materialized",
    "not materialized",
    "indexed by",
    "isnull",
    "notnull",
    "fetch first",
    "rollup",
    "grouping sets",
    "separator",
    "extract",
    "substring",
    "trim",
    "position",
    "overlay",
    "leading",
    "both",
    "timestampdiff",
    "old",
    "new",
    "escape",
    "procedure",
    "force index",
    "partition",
    "customers",
    "secrets",
    "orders",
    "t",
    "id",
    "name",
    "key",
    "*",
    "t.*",
    "customers.*",
    "(",
    ")",
    ",",
    ".",
    ";",
    "=",
    "<",
    "<>",
    "!=",
    "||",
    "+",
    "-",
    "*",
    "/",
    "%",
    "->",
    "->>",
    "::",
    "::int",
    "::regclass",
    "[",
    "]",
    "[1]",
    "~",
    "!",
    "&&",
    "&",
    "@",
    "@@",
    "@x",
    ":=",
    ":x",
    "?",
    "#",
    "--",
    "/*",
    "*/",
    "'",
    "''",
    "'x'",
    "'a\\'",
    "\\",
    "\"",
    "\"id\"",
    "\"secrets\"",
    "\"A b\"",
    "`id`",
    "`secrets`",
    "$1",
    "$$",
    "{",
    "}",
    "1",
    "0",
    "1.5",
    "1e3",
    "0x1F",
    "1a",
    ".5",
    "E'x'",
    "N'x'",
    "X'00'",
    "U&'x'",
    "U&\"id\"",
    "_utf8'x'",
    "é",
    "\u{a0}",
    "\n",
    "\t",
    "\r",
    "\u{c}",
    "\u{0}",
];

/// Makes statements.
struct Generator<'a, 'u> {
    random: Random<'a, 'u>,
    dialect: Dialect,
    /// The tables that are visible, with their columns.
    scope: Vec<(String, Vec<String>)>,
    /// The common table expressions that are visible, with their columns.
    ctes: Vec<(String, Vec<String>)>,
    /// How many names have been made up.
    fresh: usize,
}

impl<'a, 'u> Generator<'a, 'u> {
    fn new(u: &'a mut Unstructured<'u>, dialect: Dialect) -> Self {
        Self { random: Random(u), dialect, scope: Vec::new(), ctes: Vec::new(), fresh: 0 }
    }

    /// A statement, perhaps changed.
    fn statement(&mut self) -> String {
        if self.random.chance(30) {
            return self.odd();
        }
        let mut text = self.valid();
        if self.random.chance(35) {
            for _ in 0..=self.random.below(2) {
                text = self.changed(&text);
            }
        }
        text
    }

    /// A short statement that is changed a lot.
    fn odd(&mut self) -> String {
        let mut text = self
            .random
            .of(&[
                "SELECT a FROM t",
                "SELECT a, b AS c FROM t WHERE c = 1 ORDER BY b",
                "SELECT f(a, b) FROM t AS u JOIN secrets ON t.id = secrets.id",
                "WITH x AS (SELECT a FROM t) SELECT a FROM x",
                "SELECT CASE a WHEN 1 THEN b END FROM t",
                "SELECT count(a) OVER (PARTITION BY b ORDER BY c ROWS 1 PRECEDING) FROM t",
                "SELECT a FROM t WHERE a IN (SELECT b FROM secrets) LIMIT 3",
                "SELECT a FROM t UNION SELECT b FROM secrets LIMIT 3",
                "SELECT a - 1 FROM t WHERE b LIKE 'x' AND c BETWEEN 1 AND 2",
                "INSERT INTO t (a) SELECT b FROM secrets",
                "UPDATE t SET a = b WHERE c = 1",
                "DELETE FROM t WHERE a = 1",
            ])
            .to_owned();
        for _ in 0..=self.random.below(4) {
            text = self.changed(&text);
        }
        text
    }

    fn is(&self, dialects: &[Dialect]) -> bool {
        dialects.contains(&self.dialect)
    }

    /// A statement that the dialect reads, as far as that is easy to make.
    fn valid(&mut self) -> String {
        self.scope.clear();
        self.ctes.clear();
        self.fresh = 0;
        let depth = 1 + self.random.below(3);
        let mut text = match self.random.below(20) {
            0 => self.insert(depth),
            1 => self.update(depth),
            2 => self.delete(depth),
            _ => self.query(depth, None, true).0,
        };
        if self.random.chance(10) {
            text.push(';');
        }
        if self.random.chance(10) {
            text = text.replace(' ', self.random.of(&["\n", "  ", "\t", "\r\n"]));
        }
        text
    }

    fn table_name(&mut self) -> (String, String, Vec<String>) {
        let (name, columns) = TABLES.get(self.random.below(TABLES.len())).copied().unwrap_or_default();
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        let written = match self.random.below(12) {
            0 => format!("{}.{name}", self.schema()),
            1 if self.dialect != Dialect::Mysql => name.to_uppercase(),
            _ => self.quoted(name),
        };
        (written, name.to_owned(), columns)
    }

    fn schema(&self) -> &'static str {
        match self.dialect {
            Dialect::Sqlite => "main",
            Dialect::Postgres => "public",
            _ => "shop",
        }
    }

    /// A name, sometimes in quotes.
    fn quoted(&mut self, name: &str) -> String {
        if !self.random.chance(8) {
            return name.to_owned();
        }
        match self.dialect {
            Dialect::Sqlite | Dialect::Postgres => format!("\"{name}\""),
            Dialect::Mysql => format!("`{name}`"),
            Dialect::Any => name.to_owned(),
        }
    }

    fn fresh(&mut self) -> String {
        self.fresh += 1;
        let stem = self.random.of(&[
            "x",
            "y",
            "total",
            "Big",
            "recursive",
            "first",
            "match",
            "at",
            "rows",
            "date",
            "partition",
        ]);
        if self.random.chance(70) { format!("{stem}{}", self.fresh) } else { stem.to_owned() }
    }

    fn insert(&mut self, depth: usize) -> String {
        let (written, _, columns) = self.table_name();
        let count = 1 + self.random.below(columns.len());
        let columns: Vec<_> = columns.into_iter().take(count).collect();
        let mut text = format!("INSERT INTO {written}");
        if self.random.chance(80) {
            text += &format!(" ({})", columns.join(", "));
        }
        if self.random.chance(50) {
            let rows: Vec<_> = (0..=self.random.below(2))
                .map(|_| {
                    let values: Vec<_> = columns.iter().map(|_| self.value(depth)).collect();
                    format!("({})", values.join(", "))
                })
                .collect();
            text += &format!(" VALUES {}", rows.join(", "));
        } else {
            let (query, _) = self.query(depth, Some(columns.len()), false);
            text += &format!(" {query}");
        }
        text + &self.returning(&columns)
    }

    fn returning(&mut self, columns: &[String]) -> String {
        if self.random.chance(20) && self.is(&[Dialect::Sqlite, Dialect::Postgres]) {
            let columns: Vec<_> = columns.iter().map(String::as_str).collect();
            return format!(
                " RETURNING {}",
                self.random.of(&["*", "id", "id AS i", "old.id", "t"]).replace('t', self.random.of(&columns))
            );
        }
        String::new()
    }

    fn update(&mut self, depth: usize) -> String {
        let (written, name, columns) = self.table_name();
        self.scope.push((name, columns.clone()));
        let column = columns.get(self.random.below(columns.len())).cloned().unwrap_or_default();
        let mut text = format!("UPDATE {written} SET {column} = {}", self.expression(depth));
        if self.random.chance(80) {
            text += &format!(" WHERE {}", self.condition(depth));
        }
        self.scope.pop();
        text += &self.most(20);
        text + &self.returning(&columns)
    }

    fn delete(&mut self, depth: usize) -> String {
        let (written, name, columns) = self.table_name();
        self.scope.push((name, columns.clone()));
        let mut text = format!("DELETE FROM {written}");
        if self.random.chance(80) {
            text += &format!(" WHERE {}", self.condition(depth));
        }
        self.scope.pop();
        text += &self.most(20);
        text + &self.returning(&columns)
    }

    fn most(&mut self, percent: usize) -> String {
        if !self.random.chance(percent) {
            return String::new();
        }
        match self.random.below(6) {
            0 => " LIMIT 5 OFFSET 2".to_owned(),
            1 if self.dialect != Dialect::Postgres => " LIMIT 2, 10".to_owned(),
            _ => format!(" LIMIT {}", self.random.below(1000)),
        }
    }

    /// A query of so many columns, and what they are called.
    fn query(&mut self, depth: usize, width: Option<usize>, with: bool) -> (String, Vec<String>) {
        let visible = self.ctes.len();
        let mut text = String::new();
        if with && depth > 0 && self.random.chance(20) {
            text += &self.with(depth);
        }
        let width = width.unwrap_or_else(|| 1 + self.random.below(3));
        let (select, columns) = self.select(depth, width);
        text += &select;
        if depth > 0 && self.random.chance(12) {
            let operator = self.random.of(&["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "union"]);
            let (select, _) = self.select(depth - 1, width);
            text += &format!(" {operator} {select}");
            if self.random.chance(30) {
                text += " ORDER BY 1";
            }
        } else if self.random.chance(30) {
            let scope = self.scope.len();
            self.scope.push((String::new(), columns.clone()));
            text += &format!(" ORDER BY {}", self.order(&columns));
            self.scope.truncate(scope);
        }
        text += &self.most(45);
        self.ctes.truncate(visible);
        (text, columns)
    }

    fn order(&mut self, columns: &[String]) -> String {
        let column = columns.get(self.random.below(columns.len())).cloned().unwrap_or_default();
        let key = if self.random.chance(70) { column } else { "1".to_owned() };
        let mut key = format!("{key}{}", self.random.of(&["", " ASC", " DESC", " desc"]));
        if self.random.chance(10) && self.is(&[Dialect::Sqlite, Dialect::Postgres]) {
            key += self.random.of(&[" NULLS FIRST", " NULLS LAST"]);
        }
        key
    }

    fn with(&mut self, depth: usize) -> String {
        let recursive = self.random.chance(25);
        let mut all = Vec::new();
        for _ in 0..=self.random.below(3) {
            let name = match self.random.below(3) {
                0 => self.random.of(&["customers", "orders", "secrets", "t", "Customers"]).to_owned(),
                _ => self.fresh(),
            };
            let width = 1 + self.random.below(2);
            let (query, columns) = if recursive && self.random.chance(60) {
                (format!("SELECT 1 AS n UNION ALL SELECT n + 1 FROM {name} WHERE n < 5"), vec!["n".to_owned()])
            } else {
                self.query(depth - 1, Some(width), true)
            };
            let written = self.quoted(&name);
            let (list, columns) = if self.random.chance(20) {
                let named: Vec<_> = (0..columns.len()).map(|number| format!("n{number}")).collect();
                (format!(" ({})", named.join(", ")), named)
            } else {
                (String::new(), columns)
            };
            let hint = if self.random.chance(8) && self.is(&[Dialect::Sqlite, Dialect::Postgres]) {
                self.random.of(&["MATERIALIZED ", "NOT MATERIALIZED "])
            } else {
                ""
            };
            all.push(format!("{written}{list} AS {hint}({query})"));
            self.ctes.push((name, columns));
        }
        format!("WITH {}{} ", if recursive { "RECURSIVE " } else { "" }, all.join(", "))
    }

    fn select(&mut self, depth: usize, width: usize) -> (String, Vec<String>) {
        let outer = self.scope.len();
        let from = if self.random.chance(93) { self.from(depth) } else { String::new() };
        let mut items = Vec::new();
        let mut columns = Vec::new();
        for number in 0..width {
            let name = if self.random.chance(80) { format!("c{number}") } else { self.fresh() };
            let item = if self.random.chance(4) && outer < self.scope.len() {
                let alias = self.scope.last().map(|(alias, _)| alias.clone()).unwrap_or_default();
                self.random.of(&["*", "count(*)", "¤.*", "¤", "count(¤)", "f(¤.*)"]).replace('¤', &alias)
            } else {
                self.expression(depth)
            };
            let title = match self.dialect {
                Dialect::Sqlite | Dialect::Postgres => "\"Some title\"",
                Dialect::Mysql => "'Some title'",
                Dialect::Any => "title",
            };
            items.push(match self.random.below(12) {
                0 => item,
                1 => format!("{item} {name}"),
                2 if number > 0 => format!("{item} AS {title}"),
                _ => format!("{item} AS {name}"),
            });
            columns.push(name);
        }
        let mut text = format!(
            "{} {}{}",
            self.random.of(&["SELECT", "select", "Select"]),
            if self.random.chance(10) { self.random.of(&["DISTINCT ", "ALL "]) } else { "" },
            items.join(", ")
        );
        if !from.is_empty() {
            text += &format!(" FROM {from}");
            if self.random.chance(50) {
                text += &format!(" WHERE {}", self.condition(depth));
            }
            if self.random.chance(15) {
                text += &format!(" GROUP BY {}", self.column());
                if self.random.chance(50) {
                    text += &format!(" HAVING count(*) > {}", self.random.below(9));
                }
            }
            if self.random.chance(3) {
                text += &format!(" WINDOW w AS (PARTITION BY {})", self.column());
            }
        }
        self.scope.truncate(outer);
        (text, columns)
    }

    fn from(&mut self, depth: usize) -> String {
        let mut text = self.reference(depth);
        for _ in 0..self.random.below(3) {
            if self.random.chance(25) {
                let reference = self.reference(depth);
                text += &format!(", {reference}");
                continue;
            }
            let join = self.random.of(&[
                "JOIN",
                "INNER JOIN",
                "LEFT JOIN",
                "LEFT OUTER JOIN",
                "CROSS JOIN",
                "NATURAL JOIN",
                "RIGHT JOIN",
                "natural left join",
            ]);
            let reference = self.reference(depth);
            text += &format!(" {join} {reference}");
            if !join.contains("CROSS") && !join.to_lowercase().contains("natural") {
                text += &match self.random.below(6) {
                    0 => " USING (id)".to_owned(),
                    _ => format!(" ON {}", self.condition(0)),
                };
            }
        }
        text
    }

    fn reference(&mut self, depth: usize) -> String {
        let alias = format!("{}{}", self.random.of(&["a", "b", "q", "secrets", "customers"]), self.scope.len());
        if depth > 0 && self.random.chance(15) {
            let outer = std::mem::take(&mut self.scope);
            let (query, columns) = self.query(depth - 1, None, true);
            self.scope = outer;
            let lateral = self.random.chance(5) && self.is(&[Dialect::Postgres, Dialect::Mysql]);
            let text = format!("{}({query}) AS {alias}", if lateral { "LATERAL " } else { "" });
            self.scope.push((alias, columns));
            return text;
        }
        let (written, name, columns) = if !self.ctes.is_empty() && self.random.chance(50) {
            let (name, columns) = self.ctes.get(self.random.below(self.ctes.len())).cloned().unwrap_or_default();
            (self.quoted(&name), name, columns)
        } else {
            self.table_name()
        };
        match self.random.below(4) {
            0 => {
                self.scope.push((name, columns));
                written
            }
            1 => {
                self.scope.push((alias.clone(), columns));
                format!("{written} {alias}")
            }
            _ => {
                self.scope.push((alias.clone(), columns));
                format!("{written} AS {alias}")
            }
        }
    }

    fn column(&mut self) -> String {
        if self.scope.is_empty() {
            return self.random.below(100).to_string();
        }
        let (table, columns) = self.scope.get(self.random.below(self.scope.len())).cloned().unwrap_or_default();
        let column = columns.get(self.random.below(columns.len())).cloned().unwrap_or_default();
        let column = self.quoted(&column);
        if table.is_empty() || self.random.chance(15) { column } else { format!("{table}.{column}") }
    }

    fn condition(&mut self, depth: usize) -> String {
        let (left, right) = (self.expression(depth.min(1)), self.value(depth));
        let condition = match self.random.below(16) {
            0 => format!("{left} IS NULL"),
            1 => format!("{left} IS NOT NULL"),
            2 => format!("{left} BETWEEN {right} AND {}", self.value(0)),
            3 => format!("{left} NOT IN ({right}, {})", self.value(0)),
            4 if depth > 0 => format!("{left} IN ({})", self.query(depth - 1, Some(1), true).0),
            5 if depth > 0 => format!("EXISTS ({})", self.query(depth - 1, None, true).0),
            6 => format!("{left} LIKE '%{}%'", self.random.of(&["a", "it''s", "--", "/*", ";", "é", "FROM secrets"])),
            7 => format!("NOT ({left} = {right})"),
            8 => format!("({left}, 1) = ({right}, 1)"),
            9 => self.condition_of_dialect(&left),
            10 => format!("{left}=-1"),
            11 => format!("{left} NOT LIKE 'a!%' ESCAPE '!'"),
            operator => format!("{left} {} {right}", ["=", "<>", ">=", "<"].get(operator % 4).copied().unwrap_or("=")),
        };
        if depth > 0 && self.random.chance(30) {
            let joined = self.random.of(&["AND", "OR", "and not"]);
            return format!("{condition} {joined} {}", self.condition(depth - 1));
        }
        condition
    }

    fn condition_of_dialect(&mut self, left: &str) -> String {
        match self.dialect {
            Dialect::Sqlite => {
                self.random.of(&["¤ GLOB 'a*'", "¤ REGEXP 'a'", "¤ MATCH 'a'", "¤ IS NOT 3", "¤ == 1", "¤ IN secrets"])
            }
            Dialect::Postgres => self.random.of(&[
                "¤::text ILIKE 'a%'",
                "¤::text ~* 'a\\d'",
                "¤::text SIMILAR TO 'a'",
                "¤ IS DISTINCT FROM 3",
                "¤ = ANY(ARRAY[1, 2])",
                "¤ IN (1, 2)",
                "¤::int[] && ARRAY[1]",
                "¤::jsonb @> '{}'",
                "¤ > DATE '2024-01-01'",
                "¤ > now() - INTERVAL '1 day'",
            ]),
            Dialect::Mysql => self.random.of(&[
                "¤ RLIKE 'a'",
                "¤ NOT REGEXP 'a'",
                "¤ <=> NULL",
                "¤ DIV 2 = 1",
                "¤ MOD 2 = 1",
                "¤ XOR 1",
                "¤ && 1",
                "¤ > NOW() - INTERVAL 1 DAY",
                "¤ > DATE '2024-01-01'",
                "¤ = ANY (SELECT id FROM t)",
            ]),
            Dialect::Any => self.random.of(&["¤ IS NOT NULL", "¤ NOT BETWEEN 1 AND 2", "¤ || 'a' = 'b'", "(¤) > 2"]),
        }
        .replace('¤', left)
    }

    fn value(&mut self, depth: usize) -> String {
        match self.random.below(8) {
            0 => {
                format!("'{}'", self.random.of(&["a", "", "it''s", "x -- y", "/* z */", "a;b", "Ünï", "\" ` [", "\\"]))
            }
            1 => "1.5e3".to_owned(),
            2 => "NULL".to_owned(),
            3 if depth > 0 => self.expression(depth - 1),
            4 => format!("-{}", self.random.below(10)),
            _ => self.random.below(1000).to_string(),
        }
    }

    fn expression(&mut self, depth: usize) -> String {
        if depth == 0 || self.random.chance(45) {
            return if self.random.chance(80) { self.column() } else { self.value(0) };
        }
        let inner = self.expression(depth - 1);
        match self.random.below(16) {
            0 => format!("{inner} {} {}", self.random.of(&["+", "-", "*", "/", "%", "||"]), self.value(0)),
            1 => format!("({inner})"),
            2 => format!("CASE WHEN {} THEN {inner} ELSE {} END", self.condition(0), self.value(0)),
            3 => format!("CASE {inner} WHEN 1 THEN 'a' WHEN 2 THEN {} END", self.value(0)),
            4 => format!(
                "CAST({inner} AS {})",
                self.random.of(&["INTEGER", "char(10)", "decimal(10, 2)", "text", "date"])
            ),
            5 => format!("({})", self.query(depth - 1, Some(1), true).0),
            6 => self.random.of(&["CURRENT_DATE", "current_timestamp", "CURRENT_TIME"]).to_owned(),
            7 => {
                let function = self.random.of(&["count", "sum", "max", "row_number"]);
                let argument = if function == "row_number" { String::new() } else { inner };
                format!(
                    "{function}({argument}) OVER ({}ORDER BY {}{})",
                    if self.random.chance(50) { format!("PARTITION BY {} ", self.column()) } else { String::new() },
                    self.column(),
                    self.random.of(&[
                        "",
                        " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
                        " RANGE UNBOUNDED PRECEDING"
                    ])
                )
            }
            8 => format!("count(DISTINCT {inner})"),
            9 | 10 => self.expression_of_dialect(&inner),
            11 => format!("coalesce({inner}, {})", self.value(depth - 1)),
            _ => {
                let function = self.random.of(FUNCTIONS);
                let function = if self.random.chance(10) { function.to_uppercase() } else { function.to_owned() };
                format!("{function}{}({inner})", if self.random.chance(5) { " " } else { "" })
            }
        }
    }

    fn expression_of_dialect(&mut self, inner: &str) -> String {
        match self.dialect {
            Dialect::Sqlite => self.random.of(&[
                "¤ COLLATE NOCASE",
                "json_extract(¤, '$.a')",
                "¤ ->> '$.a'",
                "strftime('%Y', ¤)",
                "date('now', '-1 day')",
                "rowid",
                "count(*) FILTER (WHERE ¤ > 1)",
                "iif(¤, 1, 2)",
                "replace(¤, 'a', 'b')",
                "like('a', ¤)",
                "\"lower\"(¤)",
                "~¤",
                "random()",
                "group_concat(¤, ',')",
                "date",
                "trim(¤)",
                "typeof(¤)",
                "¤ & 1",
                "¤ << 2",
                "total(¤)",
                "match",
                "\"some text\"",
                "left(¤, 1)",
            ]),
            Dialect::Postgres => self.random.of(&[
                "¤::int",
                "¤::numeric(10, 2)",
                "¤::timestamp with time zone",
                "extract(year FROM ¤)",
                "substring(¤ FROM 1 FOR 2)",
                "trim(both ' ' from ¤)",
                "position('a' in ¤)",
                "¤ AT TIME ZONE 'UTC'",
                "string_agg(¤, ',' ORDER BY 1)",
                "percentile_cont(0.5) WITHIN GROUP (ORDER BY ¤)",
                "count(*) FILTER (WHERE ¤ > 1)",
                "pg_catalog.lower(¤)",
                "¤ -> 'a' ->> 'b'",
                "ARRAY[¤, 1]",
                "ARRAY(SELECT id FROM t)",
                "current_user",
                "user",
                "¤ #>> '{a}'",
                "to_char(¤, 'YYYY')",
                "overlay(¤ placing 'a' from 1)",
                "\"Lower\"(¤)",
                "INTERVAL '1' DAY",
                "¤[1]",
                "¤ COLLATE \"C\"",
                "trim(¤)",
                "left(¤, 2)",
                "row_to_json(t)",
                "¤ ^ 2",
                "session_user",
                "timestamp '2024-01-01'",
                "row(¤, 1)",
                "current_setting('x')",
                "¤::text::jsonb",
                "any_value(¤)",
                "date(¤)",
                "CURRENT_TIMESTAMP(3)",
            ]),
            Dialect::Mysql => self.random.of(&[
                "IF(¤ > 1, 1, 2)",
                "IFNULL(¤, 0)",
                "date_format(¤, '%Y')",
                "timestampdiff(YEAR, ¤, now())",
                "extract(MONTH FROM ¤)",
                "group_concat(DISTINCT ¤ ORDER BY 1 SEPARATOR ', ')",
                "left(¤, 2)",
                "mod(¤, 2)",
                "¤ DIV 2",
                "¤ -> '$.a'",
                "¤ ->> '$.a'",
                "DATE_SUB(¤, INTERVAL 1 MONTH)",
                "current_user()",
                "utc_date",
                "LOCALTIME",
                "substring(¤ FROM 1 FOR 2)",
                "trim(leading 'a' from ¤)",
                "cast(¤ AS unsigned)",
                "concat(¤, 'a')",
                "position('a' IN ¤)",
                "`lower`(¤)",
                "¤ ^ 1",
                "~¤",
                "¤ | 2",
                "char(¤)",
                "repeat(¤, 2)",
                "¤ COLLATE utf8mb4_bin",
                "year(¤)",
                "interval(¤, 1, 2)",
                "binary ¤",
                "convert(¤, char)",
                "values(¤)",
                "@x",
                "sleep(¤)",
            ]),
            Dialect::Any => self.random.of(&[
                "lower(¤)",
                "trim(¤)",
                "substr(¤, 1)",
                "left(¤, 1)",
                "right(¤, 1)",
                "mod(¤, 2)",
                "¤ COLLATE x",
                "date(¤)",
                "date",
                "¤ & 1",
                "¤ -> 'a'",
                "interval(¤)",
                "user(¤)",
                "current_user",
                "char_length(¤)",
                "concat(¤, 'a')",
                "¤ >> 1",
                "match(¤)",
                "ilike(¤)",
                "replace(¤, 'a', 'b')",
            ]),
        }
        .replace('¤', inner)
    }

    /// The text with a token changed, added, left out or moved.
    fn changed(&mut self, text: &str) -> String {
        let mut tokens = split(text);
        let at = self.random.below(tokens.len());
        let word = self.random.of(WORDS).to_owned();
        let other = self.random.below(tokens.len());
        match self.random.below(7) {
            0 | 1 => tokens.insert(at, format!(" {word} ")),
            2 => tokens.insert(at, word),
            3 => {
                if let Some(token) = tokens.get_mut(at) {
                    *token = word;
                }
            }
            4 => {
                if at < tokens.len() {
                    tokens.remove(at);
                }
            }
            5 => {
                if let Some(token) = tokens.get(other).cloned() {
                    tokens.insert(at, format!(" {token} "));
                }
            }
            _ => {
                let mut bytes: Vec<char> = text.chars().collect();
                let at = self.random.below(bytes.len());
                let characters: Vec<char> = "'\"`\\ .,;()[]*-+/=<>!@#$%^&|~:?_aE1\n\0é".chars().collect();
                let character = characters.get(self.random.below(characters.len())).copied().unwrap_or(' ');
                if self.random.chance(50) {
                    bytes.insert(at.min(bytes.len()), character);
                } else if at < bytes.len() {
                    bytes.remove(at);
                }
                return bytes.into_iter().collect();
            }
        }
        tokens.concat()
    }
}

/// About the tokens of a text, with the blanks between them.
fn split(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let kind = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => 0,
        ' ' | '\n' | '\t' | '\r' => 1,
        _ => 2,
    };
    let mut last = 3;
    for c in text.chars() {
        match tokens.last_mut() {
            Some(token) if kind(c) == last && last != 2 => token.push(c),
            _ => tokens.push(c.to_string()),
        }
        last = kind(c);
    }
    tokens
}
