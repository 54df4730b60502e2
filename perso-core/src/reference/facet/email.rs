//! An e-mail address: one, with nothing around it.

use super::name;

const LENGTH: usize = 254;

/// What stands behind the `@`, in lower case.
pub(super) fn domain(text: &str) -> Result<String, &'static str> {
    if text.len() > LENGTH {
        return Err("not a plain e-mail address: it is too long");
    }
    let parts: Vec<&str> = text.split('@').collect();
    let [local, domain] = parts.as_slice() else { return Err("not a plain e-mail address: it has not one `@`") };
    // `-` in front is an option to some mailers, `/` a file.
    let begins_well = local.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '+');
    if local.len() > 64 || !begins_well || !local.split('.').all(is_atom) {
        return Err("not a plain e-mail address: what is before the `@`");
    }
    let name = name::read(domain, false).ok_or("not a plain e-mail address: what is behind the `@`")?;
    let labels: Vec<&str> = name.split('.').collect();
    let is_number = labels.last().is_some_and(|last| last.chars().all(|c| c.is_ascii_digit()));
    if labels.len() < 2 || is_number {
        return Err("not a plain e-mail address: what is behind the `@`");
    }
    Ok(name)
}

/// Of RFC 5322's atoms, those without what a shell or a mailer acts on, `=?` of an encoded word among it.
fn is_atom(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "#'+-/=_".contains(c))
}

#[cfg(test)]
mod tests {
    use super::domain;

    #[test]
    fn an_address_has_one_domain() {
        let longest = format!("{}@acme.com", "a".repeat(64));
        for (text, expected) in [
            ("a@acme.com", "acme.com"),
            ("First.Last+tag@Mail.ACME.com", "mail.acme.com"),
            ("+#'+-/=_.-'x@a-b.c1", "a-b.c1"),
            ("O'Neil@acme.com", "acme.com"),
            ("+15551234567@acme.com", "acme.com"),
            ("_a@acme.com", "acme.com"),
            ("bounce+bob=acme.org@acme.com", "acme.com"),
            ("a@xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("a@1.2.example", "1.2.example"),
            (longest.as_str(), "acme.com"),
        ] {
            assert_eq!(domain(text).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_mailers_read_differently_is_refused() {
        let long_local = format!("{}@acme.com", "a".repeat(65));
        let long_label = format!("a@{}.com", "a".repeat(64));
        let long = format!("a@{}com", "abc.".repeat(63));
        for text in [
            "",
            "a",
            "@",
            "a@",
            "@acme.com",
            "acme.com",
            "a@acme.com ",
            " a@acme.com",
            "a@acme.com\n",
            "a@acme.com\r\nBcc: x",
            "a@acme.com\0",
            "a\t@acme.com",
            "a@acme.com,b@evil.com",
            "a@acme.com;b@evil.com",
            "a@acme.com b@evil.com",
            "a@evil.com@acme.com",
            "a@acme.com@evil.com",
            "a%evil.com@acme.com",
            "evil.com!a@acme.com",
            "@evil.com:a@acme.com",
            "Ann <a@acme.com>",
            "<a@acme.com>",
            "\"a@acme.com\" <b@evil.com>",
            "a@acme.com <b@evil.com>",
            "a@evil.com (@acme.com)",
            "a(@acme.com)@evil.com",
            "a@acme.com(x)",
            "\"a\"@acme.com",
            "\"a b\"@acme.com",
            "\"b@evil.com,\"@acme.com",
            "a\\@evil.com@acme.com",
            "a\\b@acme.com",
            ".a@acme.com",
            "a.@acme.com",
            "a..b@acme.com",
            "a@acme.com.",
            "a@.acme.com",
            "a@acme..com",
            "a@acme",
            "a@localhost",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@acme.1",
            "a@[IPv6:::1]",
            "a@-acme.com",
            "a@acme-.com",
            "a@ac_me.com",
            "a@acme.com:25",
            "a@acme.com/x",
            "a@acme%2ecom",
            "a%40evil.com",
            "a@b\u{fc}cher.example",
            "\u{fc}@acme.com",
            "a@acme\u{3002}com",
            "a\u{ff20}acme.com",
            "a@\u{ff41}cme.com",
            "a@acme.com\u{200b}",
            "a\u{202e}@acme.com",
            "mailto:a@acme.com",
            "group:a@acme.com;",
            "-a@acme.com",
            "-oQ/tmp@acme.com",
            "--@acme.com",
            "/tmp/x@acme.com",
            "'a'@acme.com",
            "#a@acme.com",
            "=a@acme.com",
            "|id@acme.com",
            "a|id@acme.com",
            "`id`@acme.com",
            "a`id`@acme.com",
            "$id@acme.com",
            "a$HOME@acme.com",
            "a&id@acme.com",
            "a*@acme.com",
            "a?@acme.com",
            "{a,b}@acme.com",
            "a{1..9}@acme.com",
            "~root@acme.com",
            "a~@acme.com",
            "a^b@acme.com",
            "=?utf-8?q?a=40evil.com?=@acme.com",
            "=?x?q?b=40evil.com=3e=20?=foo@acme.com",
            &long_local,
            &long_label,
            &long,
        ] {
            assert!(domain(text).is_err(), "{text:?}");
        }
    }
}
