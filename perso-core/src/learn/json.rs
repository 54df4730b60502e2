//! Conditions as JSON text.

/// The members of an object, in order: keys, and values as JSON text.
pub(super) type Members = Vec<(String, String)>;

pub(super) fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

pub(super) fn list(elements: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", elements.into_iter().collect::<Vec<_>>().join(","))
}

pub(super) fn object(members: &Members) -> String {
    let members = members.iter().map(|(key, value)| format!("{}:{value}", text(key)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

pub(super) fn member(key: &str, value: impl Into<String>) -> (String, String) {
    (key.to_owned(), value.into())
}

/// Texts as one text, or as a list of them.
pub(super) fn texts<'t>(texts: impl IntoIterator<Item = &'t String>) -> String {
    let mut texts: Vec<String> = texts.into_iter().map(|one| text(one)).collect();
    if texts.len() == 1 { texts.remove(0) } else { list(texts) }
}

/// A value that equals one of these, which are JSON texts.
pub(super) fn one_of(mut values: Vec<String>) -> (String, String) {
    if values.len() == 1 { member("eq", values.remove(0)) } else { member("in", list(values)) }
}

/// The value of a test: an object of operators, or what must be equal.
pub(super) fn tests(members: &Members) -> String {
    match members.as_slice() {
        [(key, value)] if key == "eq" => value.clone(),
        _ => object(members),
    }
}

/// What must hold together.
#[derive(Debug, Default)]
pub(super) struct All {
    pub(super) members: Members,
    /// For each, at least one of these objects must hold.
    pub(super) choices: Vec<Vec<Members>>,
}

impl All {
    /// The members of one object that says it.
    pub(super) fn into_members(self) -> Members {
        let mut members = self.members;
        let mut choices: Vec<String> = self.choices.iter().map(|choice| list(choice.iter().map(object))).collect();
        match choices.len() {
            0 => {}
            1 => members.push(("any".to_owned(), choices.remove(0))),
            _ => {
                let choices = choices.into_iter().map(|choice| object(&vec![member("any", choice)]));
                members.push(("all".to_owned(), list(choices)));
            }
        }
        members
    }

    pub(super) fn append(&mut self, other: Self) {
        self.members.extend(other.members);
        self.choices.extend(other.choices);
    }
}
