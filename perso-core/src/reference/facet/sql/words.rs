//! Words and types, by dialect.

use crate::policy::Dialect;

const HARD: &str = "select with from where group having order limit offset union intersect except as on using join natural \
    cross inner left right outer by all distinct and or escape like between in is not collate case when then else end cast \
    exists null true false asc desc over window for table values into insert update delete set current_date current_time \
    current_timestamp";
const HARD_SQLITE: &str = "glob full filter returning";
const HARD_POSTGRES: &str = "ilike similar array within only collation old new variadic current_catalog current_schema user \
    full filter returning default any some interval lateral both leading trailing localtime localtimestamp current_user \
    current_role session_user system_user";
const HARD_MYSQL: &str = "div mod xor rlike separator utc_date utc_time utc_timestamp binary distinctrow high_priority \
    straight_join sql_big_result sql_buffer_result sql_cache sql_calc_found_rows sql_no_cache sql_small_result default any \
    some interval lateral both leading trailing localtime localtimestamp current_user current_role session_user system_user";

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WordKind {
    Name,
    /// A word of the grammar.
    Hard,
    /// A word of the grammar of some dialects, where all of them are to read the text.
    Partial,
}

pub(super) fn kind_of(word: &str, dialect: Dialect) -> WordKind {
    let has = |words: &str| words.split_whitespace().any(|known| known == word);
    if has(HARD) {
        return WordKind::Hard;
    }
    let is_hard = match dialect {
        Dialect::Sqlite => has(HARD_SQLITE),
        Dialect::Postgres => has(HARD_POSTGRES),
        Dialect::Mysql => has(HARD_MYSQL),
        Dialect::Any => {
            return if has(HARD_SQLITE) || has(HARD_POSTGRES) || has(HARD_MYSQL) {
                WordKind::Partial
            } else {
                WordKind::Name
            };
        }
    };
    if is_hard { WordKind::Hard } else { WordKind::Name }
}

const TYPES: &str = "bigint bool boolean bytea char character date decimal double float float4 float8 int int2 int4 int8 \
    integer interval json jsonb numeric precision real smallint text time timestamp timestamptz uuid varchar varying";
const TYPES_BUT_POSTGRES: &str = "binary blob datetime nchar signed unsigned year";

/// Whether values may be cast to a type of that word.
pub(super) fn is_type(word: &str, dialect: Dialect) -> bool {
    let has = |words: &str| words.split_whitespace().any(|known| known == word);
    has(TYPES) || matches!(dialect, Dialect::Sqlite | Dialect::Mysql) && has(TYPES_BUT_POSTGRES)
}
