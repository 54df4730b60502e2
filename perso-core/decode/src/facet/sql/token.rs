//! What a token is.

/// The end of the text.
pub const END: u32 = 0;
/// Something that is not read. Nothing accepts it and nothing gets past it, so that the reader does not have to look
/// whether it failed: it only comes to the [end](END) of a text that it understands.
pub const BAD: u32 = 1;
pub const NUMBER: u32 = 2;
pub const STRING: u32 = 3;
/// A quoted text that is no name.
pub const TITLE: u32 = 4;
/// A name and `.*`.
pub const STAR: u32 = 5;
/// An operator that only stands between operands.
pub const INFIX: u32 = 6;
/// `+` or `-`.
pub const SIGN: u32 = 7;

/// Names, and words that are names except where the grammar asks for them.
pub const NAME: u32 = 128;
pub const DATE: u32 = 129;
pub const TIME: u32 = 130;
pub const EXTRACT: u32 = 131;
pub const SUBSTRING: u32 = 132;
pub const RECURSIVE: u32 = 133;
pub const MATERIALIZED: u32 = 134;
pub const NULLS: u32 = 135;
pub const FIRST: u32 = 136;
pub const ROLLUP: u32 = 137;
pub const ZONE: u32 = 138;
pub const WITHOUT: u32 = 139;
pub const PARTITION: u32 = 140;
pub const ROWS: u32 = 141;
pub const UNBOUNDED: u32 = 142;
pub const TO: u32 = 143;
pub const AT: u32 = 144;
pub const REGEXP: u32 = 145;
pub const PRECEDING: u32 = 146;
pub const CURRENT: u32 = 147;
pub const ROW: u32 = 148;

/// From here on, no names.
pub const HARD: u32 = 150;
/// A keyword of some dialects, where all of them are to read the text.
pub const PARTIAL: u32 = 150;
/// A keyword that is not read.
pub const REFUSED: u32 = 151;
pub const SELECT: u32 = 152;
pub const WITH: u32 = 153;
pub const FROM: u32 = 154;
pub const WHERE: u32 = 155;
pub const GROUP: u32 = 156;
pub const HAVING: u32 = 157;
pub const ORDER: u32 = 158;
pub const LIMIT: u32 = 159;
pub const OFFSET: u32 = 160;
pub const UNION: u32 = 161;
pub const AS: u32 = 162;
pub const ON: u32 = 163;
pub const USING: u32 = 164;
pub const JOIN: u32 = 165;
pub const NATURAL: u32 = 166;
pub const CROSS: u32 = 167;
pub const LEFT: u32 = 168;
pub const FULL: u32 = 169;
pub const OUTER: u32 = 170;
pub const BY: u32 = 171;
pub const ALL: u32 = 172;
pub const DISTINCT: u32 = 173;
pub const AND: u32 = 174;
pub const OR: u32 = 175;
pub const LIKE: u32 = 176;
pub const BETWEEN: u32 = 177;
pub const IN: u32 = 178;
pub const IS: u32 = 179;
pub const NOT: u32 = 180;
pub const COLLATE: u32 = 181;
pub const SIMILAR: u32 = 182;
pub const CASE: u32 = 183;
pub const WHEN: u32 = 184;
pub const THEN: u32 = 185;
pub const ELSE: u32 = 186;
pub const CASE_END: u32 = 187;
pub const CAST: u32 = 188;
pub const EXISTS: u32 = 189;
pub const CONSTANT: u32 = 190;
/// What is called without brackets.
pub const NOW: u32 = 191;
pub const ANY: u32 = 192;
pub const INTERVAL: u32 = 193;
pub const ARRAY: u32 = 194;
pub const LATERAL: u32 = 195;
pub const FOR: u32 = 196;
pub const FILTER: u32 = 197;
pub const OVER: u32 = 198;
pub const WITHIN: u32 = 199;
pub const WINDOW: u32 = 200;
pub const SEPARATOR: u32 = 201;
pub const BOTH: u32 = 202;
pub const ASC: u32 = 203;
pub const INSERT: u32 = 204;
pub const INTO: u32 = 205;
pub const VALUES: u32 = 206;
pub const UPDATE: u32 = 207;
pub const SET: u32 = 208;
pub const DELETE: u32 = 209;
pub const RETURNING: u32 = 210;
pub const ESCAPE: u32 = 211;

pub const OPEN: u32 = b'(' as u32;
pub const CLOSE: u32 = b')' as u32;
pub const COMMA: u32 = b',' as u32;
pub const ALL_COLUMNS: u32 = b'*' as u32;
pub const EQUAL: u32 = b'=' as u32;
pub const TILDE: u32 = b'~' as u32;
pub const END_OF_STATEMENT: u32 = b';' as u32;
/// `::`.
pub const TYPED: u32 = b':' as u32;
pub const OPEN_INDEX: u32 = b'[' as u32;
pub const CLOSE_INDEX: u32 = b']' as u32;
