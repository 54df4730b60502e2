//! Attributes whose keys differ only by case. Readers of JSON disagree about such keys, so a call in which both stand is
//! malformed; most often one of them is a typing error.

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, quoted};
use crate::policy::{Attribute, Policy, Step};

pub(super) fn warn(policy: &Policy, diagnostics: &mut Diagnostics) {
    let mut seen: HashMap<(_, Vec<Step>), (&[Step], usize)> = HashMap::new();
    for (id, attribute) in policy.attributes.iter().enumerate() {
        for length in 1..=attribute.steps.len() {
            let Some(keys) = attribute.steps.get(..length) else { break };
            let folded = keys.iter().map(folded).collect();
            let (first, first_id) = *seen.entry((attribute.root, folded)).or_insert((keys, id));
            if first == keys {
                continue;
            }
            let named = |steps: &[Step]| quoted(&Attribute { root: attribute.root, steps: steps.to_vec() }.to_string());
            let place = |id: usize| policy.places.attributes.get(id).copied().unwrap_or_default();
            let message = format!("{} differs from {} only by case", named(keys), named(first));
            diagnostics.push(
                Diagnostic::new(Code::CaseVariant, place(id), message)
                    .label(place(first_id), "the other spelling")
                    .help("keys that differ only by case make a call malformed; use only one of them"),
            );
            break;
        }
    }
}

fn folded(step: &Step) -> Step {
    match step {
        Step::Key(key) => Step::Key(key.to_lowercase()),
        other => other.clone(),
    }
}
