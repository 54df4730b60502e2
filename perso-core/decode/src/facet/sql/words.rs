//! Words, operators and types, in one table, which the compiler leaves out of modules that read no SQL.

use super::{dialect, token};

const S: u8 = dialect::SQLITE as u8;
const P: u8 = dialect::POSTGRES as u8;
const M: u8 = dialect::MYSQL as u8;
const ALL: u8 = dialect::ANY as u8;
const SP: u8 = S | P;
const SM: u8 = S | M;
const PM: u8 = P | M;

/// The words that are tokens of their own, by dialect.
const WORDS: &[(u8, u32, &str)] = &[
    (ALL, token::ALL, "all"),
    (ALL, token::AND, "and"),
    (PM, token::ANY, "any some"),
    (P, token::ARRAY, "array"),
    (ALL, token::AS, "as"),
    (ALL, token::ASC, "asc desc"),
    (P, token::AT, "at"),
    (ALL, token::BETWEEN, "between"),
    (PM, token::BOTH, "both leading trailing"),
    (ALL, token::BY, "by"),
    (ALL, token::CASE, "case"),
    (ALL, token::CASE_END, "end"),
    (ALL, token::CAST, "cast"),
    (ALL, token::COLLATE, "collate"),
    (ALL, token::CONSTANT, "null true false"),
    (PM, token::CONSTANT, "default"),
    (ALL, token::CROSS, "cross inner"),
    (ALL, token::CURRENT, "current"),
    (ALL, token::NOW, "current_date current_time current_timestamp"),
    (PM, token::NOW, "current_user localtime localtimestamp"),
    (P, token::NOW, "current_catalog current_role current_schema session_user system_user user"),
    (M, token::NOW, "utc_date utc_time utc_timestamp"),
    (PM, token::DATE, "date timestamp"),
    (ALL, token::DELETE, "delete"),
    (ALL, token::DISTINCT, "distinct"),
    (ALL, token::ELSE, "else"),
    (ALL, token::EXISTS, "exists"),
    (PM, token::EXTRACT, "extract"),
    (M, token::EXTRACT, "timestampadd timestampdiff"),
    (SP, token::FILTER, "filter"),
    (ALL, token::FIRST, "first last"),
    (ALL, token::FOR, "for"),
    (ALL, token::FROM, "from"),
    (SP, token::FULL, "full"),
    (ALL, token::GROUP, "group"),
    (ALL, token::HAVING, "having"),
    (ALL, token::IN, "in"),
    (ALL, token::INSERT, "insert"),
    (PM, token::INTERVAL, "interval"),
    (ALL, token::INTO, "into"),
    (ALL, token::IS, "is"),
    (ALL, token::JOIN, "join"),
    (PM, token::LATERAL, "lateral"),
    (ALL, token::LEFT, "left right"),
    (ALL, token::LIKE, "like"),
    (S, token::LIKE, "glob"),
    (P, token::LIKE, "ilike"),
    (M, token::LIKE, "div mod rlike xor"),
    (ALL, token::LIMIT, "limit"),
    (SP, token::MATERIALIZED, "materialized"),
    (ALL, token::NATURAL, "natural"),
    (ALL, token::NOT, "not"),
    (SP, token::NULLS, "nulls"),
    (ALL, token::OFFSET, "offset"),
    (ALL, token::ON, "on"),
    (ALL, token::ESCAPE, "escape"),
    (ALL, token::OR, "or"),
    (ALL, token::ORDER, "order"),
    (ALL, token::OUTER, "outer"),
    (ALL, token::OVER, "over"),
    (ALL, token::PARTITION, "partition"),
    (ALL, token::PRECEDING, "following preceding"),
    (ALL, token::RECURSIVE, "recursive"),
    (P, token::REFUSED, "collation new old only variadic"),
    // What stands in front of values and items without a bracket, and functions of MariaDB that MySQL has columns for.
    (
        M,
        token::REFUSED,
        "binary distinctrow high_priority sql_big_result sql_buffer_result sql_cache sql_calc_found_rows",
    ),
    (M, token::REFUSED, "sql_no_cache sql_small_result straight_join current_role session_user system_user"),
    (ALL, token::REFUSED, "table"),
    (S, token::REGEXP, "match"),
    (SM, token::REGEXP, "regexp"),
    (SP, token::RETURNING, "returning"),
    (ALL, token::ROLLUP, "rollup"),
    (ALL, token::ROW, "row"),
    (ALL, token::ROWS, "groups range rows"),
    (ALL, token::SELECT, "select"),
    (M, token::SEPARATOR, "separator"),
    (ALL, token::SET, "set"),
    (P, token::SIMILAR, "similar"),
    (P, token::SUBSTRING, "overlay"),
    (M, token::SUBSTRING, "substr"),
    (PM, token::SUBSTRING, "substring trim"),
    (ALL, token::THEN, "then"),
    (ALL, token::TIME, "time"),
    (ALL, token::TO, "to"),
    (ALL, token::UNBOUNDED, "unbounded"),
    (ALL, token::UNION, "except intersect union"),
    (ALL, token::UPDATE, "update"),
    (ALL, token::USING, "using"),
    (ALL, token::VALUES, "values"),
    (ALL, token::WHEN, "when"),
    (ALL, token::WHERE, "where"),
    (ALL, token::WINDOW, "window"),
    (ALL, token::WITH, "with"),
    (P, token::WITHIN, "within"),
    (ALL, token::WITHOUT, "without"),
    (ALL, token::ZONE, "zone"),
];

/// The operators between operands, each behind the digit of its dialects. `~` stands in front of an operand in every
/// dialect.
const OPERATORS: &str = "7= 7< 7> 7<= 7>= 7<> 7!= 7|| 7+ 7- 7* 7/ 7% 7& 7| 7<< 7>> 7~ 7-> 7->> 1== 4<=> 6^ 6&& \
    2~* 2!~ 2!~* 2@> 2<@ 2#> 2#>> 2@@";

/// The types that values may be cast to, likewise. In PostgreSQL, a user may have made one that the others have.
const TYPES: &str = "7bigint 7bool 7boolean 7bytea 7char 7character 7date 7decimal 7double 7float 7float4 7float8 7int 7int2 \
    7int4 7int8 7integer 7interval 7json 7jsonb 7numeric 7precision 7real 7smallint 7text 7time 7timestamp 7timestamptz \
    7uuid 7varchar 7varying 5binary 5blob 5datetime 5nchar 5signed 5unsigned 5year";

/// How many groups of [words](WORDS) there are.
const GROUPS: usize = 64;

/// The group of a word of so many bytes: few words are in the same one.
const fn group(first: u8, length: usize) -> usize {
    ((first | 0x20) as usize + length * 27) % GROUPS
}

/// Where the parts of [`TABLE`] begin: behind the [classes](class) of the bytes the operators, the types, where the words of
/// each [`group`] begin, and the words.
const OPERATORS_AT: usize = 128;
const TYPES_AT: usize = OPERATORS_AT + OPERATORS.len();
const STARTS_AT: usize = TYPES_AT + TYPES.len();
const WORDS_AT: usize = STARTS_AT + 2 * (GROUPS + 1);
const END: usize = WORDS_AT + words_length();

/// All that is looked up.
pub static TABLE: [u8; END] = table();

#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler, which reports what is out of range")]
const fn table() -> [u8; END] {
    let mut table = [0; END];
    let mut at = 0;
    while at < OPERATORS_AT {
        table[at] = class::of(at as u8);
        at += 1;
    }
    while at < STARTS_AT {
        table[at] = match at {
            TYPES_AT.. => TYPES.as_bytes()[at - TYPES_AT],
            _ => OPERATORS.as_bytes()[at - OPERATORS_AT],
        };
        at += 1;
    }
    at = WORDS_AT;
    let mut number = 0;
    while number <= GROUPS {
        let start = STARTS_AT + 2 * number;
        [table[start], table[start + 1]] = ((at - WORDS_AT) as u16).to_le_bytes();
        (table, at) = pack(number, table, at);
        number += 1;
    }
    table
}

const fn words_length() -> usize {
    let (mut number, mut length) = (0, 0);
    while number < GROUPS {
        length = pack(number, [], length).1;
        number += 1;
    }
    length
}

/// Packs the words of a group from some byte on: each is a byte with its length (upper five bits) and its dialects, its token,
/// and its letters. Without a table, only how long that gets.
#[allow(clippy::indexing_slicing, reason = "evaluated by the compiler, which reports what is out of range")]
const fn pack<const N: usize>(number: usize, mut to: [u8; N], mut at: usize) -> ([u8; N], usize) {
    let mut line = 0;
    while line < WORDS.len() {
        let (dialects, token, words) = WORDS[line];
        let words = words.as_bytes();
        let mut start = 0;
        while start < words.len() {
            let mut end = start;
            while end < words.len() && words[end] != b' ' {
                end += 1;
            }
            if group(words[start], end - start) == number {
                if N > 0 {
                    to[at] = ((end - start) as u8) << 3 | dialects;
                    to[at + 1] = token as u8;
                    let mut byte = start;
                    while byte < end {
                        to[at + 2 + byte - start] = words[byte];
                        byte += 1;
                    }
                }
                at += end - start + 2;
            }
            start = end + 1;
        }
        line += 1;
    }
    (to, at)
}

/// The token of a word.
pub(super) fn token(text: &[u8], dialect: u32) -> u32 {
    let known = text.first().and_then(|first| {
        let starts = TABLE.get(STARTS_AT..WORDS_AT)?.as_chunks().0;
        let [start, end] = *starts.get(group(*first, text.len())..)?.first_chunk()?;
        let [start, end] = [start, end].map(|at| WORDS_AT + usize::from(u16::from_le_bytes(at)));
        let mut words = TABLE.get(start..end)?;
        while let [head, token, after @ ..] = words {
            let letters;
            (letters, words) = after.split_at_checked(usize::from(head >> 3))?;
            let dialects = u32::from(head & 7) & dialect;
            if dialects != 0 && letters.eq_ignore_ascii_case(text) {
                return Some((dialects, u32::from(*token)));
            }
        }
        None
    });
    match known {
        Some((dialects, token)) if dialects == dialect => token,
        Some((_, token::HARD..)) => token::PARTIAL,
        _ => token::NAME,
    }
}

/// Whether a run of bytes is an operator.
pub(super) fn is_operator(run: &[u8], dialect: u32) -> bool {
    is_in(OPERATORS_AT..TYPES_AT, run, dialect)
}

/// Whether a word is a type.
pub(super) fn is_type(word: &[u8], dialect: u32) -> bool {
    is_in(TYPES_AT..STARTS_AT, word, dialect)
}

#[cfg_attr(target_arch = "wasm32", inline(never))]
fn is_in(part: core::ops::Range<usize>, word: &[u8], dialect: u32) -> bool {
    let mut known = TABLE.get(part).unwrap_or_default().split(|byte| *byte == b' ');
    known.any(|known| match known {
        [dialects, known @ ..] => u32::from(*dialects) & dialect == dialect && known.eq_ignore_ascii_case(word),
        [] => false,
    })
}

/// What a byte is, as a set.
pub(super) mod class {
    pub(in super::super) const LETTER: u8 = 1;
    pub(in super::super) const DIGIT: u8 = 1 << 1;
    pub(in super::super) const WORD: u8 = LETTER | DIGIT;
    /// A byte of an operator.
    pub(in super::super) const OPERATOR: u8 = 1 << 2;
    /// A byte of an operator that PostgreSQL lets end in a sign only if there is nothing else in it.
    pub(in super::super) const PLAIN: u8 = 1 << 3;
    pub(in super::super) const QUOTE: u8 = 1 << 4;
    pub(in super::super) const BLANK: u8 = 1 << 5;
    pub(in super::super) const PRINTABLE: u8 = 1 << 6;
    /// Every other byte. Zeros would cut the table up, so that it could not be left out.
    const OTHER: u8 = 1 << 7;

    pub(super) const fn of(byte: u8) -> u8 {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => LETTER | PRINTABLE,
            b'0'..=b'9' => DIGIT | PRINTABLE,
            b'+' | b'-' | b'*' | b'/' | b'<' | b'=' | b'>' => OPERATOR | PLAIN | PRINTABLE,
            b'~' | b'!' | b'@' | b'#' | b'%' | b'^' | b'&' | b'|' | b'?' => OPERATOR | PRINTABLE,
            b'\'' | b'"' | b'`' => QUOTE | PRINTABLE,
            b' ' => BLANK | PRINTABLE,
            b'\t' | b'\n' | b'\r' => BLANK,
            _ if byte.is_ascii_graphic() => PRINTABLE,
            _ => OTHER,
        }
    }
}

/// Whether a byte is in a class.
#[cfg_attr(target_arch = "wasm32", inline(never))]
pub(super) fn is(byte: u8, class: u8) -> bool {
    byte < 128 && TABLE.get(usize::from(byte)).is_some_and(|of| of & class != 0)
}
