//! Mail addresses: their domains.

use super::super::few::Few;
use super::super::json::{Members, member, texts};
use crate::policy::Facet;
use crate::reference::{Value, facet};

/// More domains are not listed.
const MOST: usize = 16;

#[derive(Debug, Clone)]
pub(in crate::learn) struct Mail {
    domains: Few,
}

impl Mail {
    pub(super) fn new() -> Self {
        Self { domains: Few::new() }
    }

    pub(super) fn see(&mut self, text: &str) -> Option<()> {
        let Ok(Value::String(domain)) = facet::read(Facet::Domain, text) else { return None };
        self.domains.add(&domain);
        self.domains.up_to(MOST).map(|_| ())
    }

    pub(super) fn append(&mut self, later: &Self) -> Option<()> {
        self.domains.append(&later.domains);
        self.domains.up_to(MOST).map(|_| ())
    }

    pub(super) fn tests(&self) -> Option<Members> {
        Some(vec![member("email_domain", texts(self.domains.up_to(MOST)?))])
    }
}
