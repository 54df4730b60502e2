use super::*;

fn errors(text: &str) -> Vec<Diagnostic> {
    let mut diagnostics = Diagnostics::default();
    parse(text, &mut diagnostics);
    diagnostics.finish()
}

#[track_caller]
fn assert_refused(text: &str, code: Code) {
    let codes: Vec<Code> = errors(text).iter().map(|error| error.code).collect();
    assert_eq!(codes, [code], "{text:?}");
}

#[test]
fn json_is_read() {
    for text in [
        "{}",
        " [ ] ",
        "\"\"",
        "0",
        "-0",
        "-1.5e-20",
        "1E+2",
        "true",
        "null",
        "\t\r\n[1, \"a\", {\"b\": [null]}]",
        r#""\ud83d\ude00\u0000\/\b\f\n\r\t\"\\""#,
        "\"\u{7f}\u{2028}\u{feff}\"",
        "{\"a\": {\"a\": 1}, \"A\": 1}",
        "[\"// no comment, 'no quote'\"]",
    ] {
        assert_eq!(errors(text), [], "{text:?}");
    }
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[",
        "}",
        "]",
        "\"",
        "\"\\",
        "[1,]",
        "{\"a\":1,}",
        "[1 2]",
        "[1 [2]]",
        "[[1] {}]",
        "[,1]",
        "[1,,2]",
        "{\"a\":1 \"b\":2}",
        "{\"a\":{} \"b\":2}",
        "{\"a\" 1}",
        "{\"a\":}",
        "{,}",
        "{a:1}",
        "{1:1}",
        "{null:1}",
        "{'a':1}",
        "'a'",
        "[1}",
        "{\"a\":1]",
        "// c\n1",
        "1 // c",
        "1 /* c */",
        "/**/1",
        "\u{feff}1",
        "1\u{feff}",
        "\u{a0}1",
        "1\u{2028}",
        "\u{b}1",
        "1\u{c}",
        "\0",
        "1\0",
        "01",
        "[01]",
        "-01",
        "{\"a\":01}",
        "+1",
        ".5",
        "5.",
        "5.e1",
        "-.5",
        "-",
        "1e",
        "1e+",
        "0x10",
        "-0x1",
        "1_000",
        "[1a]",
        "NaN",
        "[Infinity]",
        "-Infinity",
        "True",
        "tru",
        "truee",
        "true_",
        "[true_]",
        "nul",
        "undefined",
        "1 1",
        "{} {}",
        "[] ,",
        "\"a\nb\"",
        "\"a\tb\"",
        "\"a\u{1f}\\n\"",
        "\"\\n\u{1}\"",
        r#""\x41""#,
        r#""\v""#,
        r#""\0""#,
        r#""\'""#,
        r#""\u12""#,
        r#""\u12G4""#,
        "\"\\\n\"",
        r#""\ud800""#,
        r#""\ud800x""#,
        r#""\ud800\n""#,
        r#""\udc00""#,
        r#""\ud800\ud800""#,
        r#""\udc00\ud800""#,
    ] {
        assert_refused(text, Code::Json);
    }
}

#[test]
fn duplicate_keys_are_found_also_when_escaped() {
    for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"[{"b":{"a":1,"c":2,"a":3}}]"#] {
        assert_refused(text, Code::Duplicate);
    }
    assert_eq!(errors(r#"{"a":1,"a":1,"a":1}"#).len(), 2);
}

#[test]
fn numbers_keep_their_text() {
    let text = "[9007199254740993, 500.000, 1e999999999999]";
    let Kind::List(elements) = parse(text, &mut Diagnostics::default()).unwrap().kind else { panic!() };
    let texts: Vec<&str> =
        elements.iter().map(|e| if let Kind::Number(text) = e.kind { text } else { panic!() }).collect();
    assert_eq!(texts, ["9007199254740993", "500.000", "1e999999999999"]);
}

#[test]
fn hostile_sizes_are_refused() {
    assert_eq!(errors(&format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH))), []);
    assert_eq!(errors(&format!("{}1{}", "{\"a\":".repeat(MAX_DEPTH), "}".repeat(MAX_DEPTH))), []);
    assert_refused(&"[".repeat(100_000), Code::Limit);
    assert_refused(&"{\"a\":".repeat(100_000), Code::Limit);
    assert_refused(&"[".repeat(MAX_DEPTH + 1), Code::Limit);
    assert_refused(&" ".repeat(MAX_TEXT + 1), Code::Limit);
    assert_refused(&format!("[{}1]", "1,".repeat(MAX_VALUES)), Code::Limit);
}
