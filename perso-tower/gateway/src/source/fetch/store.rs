//! Object stores: S3 and what speaks its protocol, Google Cloud Storage, and Azure Blob Storage.

use super::super::MOST_BYTES;
use super::{Fetched, Tag};
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore};

/// An object.
pub(in super::super) struct Store {
    store: Box<dyn ObjectStore>,
    path: Path,
}

impl Store {
    /// The credentials come from the environment, by the names that the store's own tools have, such as `AWS_ACCESS_KEY_ID`.
    pub(super) fn new(url: &str) -> Result<Self, String> {
        let parsed = reqwest::Url::parse(url).map_err(|error| format!("`{url}` is not a URL: {error}"))?;
        let options = std::env::vars()
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .filter(|(name, _)| ["aws_", "google_", "azure_"].iter().any(|prefix| name.starts_with(prefix)));
        let (store, path) = object_store::parse_url_opts(&parsed, options).map_err(|error| error.to_string())?;
        Ok(Self { store, path })
    }

    pub(super) async fn fetch(&self, known: Option<&Tag>) -> Result<Fetched, String> {
        let options = GetOptions { if_none_match: known.map(|tag| tag.0.clone()), ..GetOptions::default() };
        let found = match self.store.get_opts(&self.path, options).await {
            Ok(found) => found,
            Err(object_store::Error::NotModified { .. }) if known.is_some() => return Ok(Fetched::Same),
            Err(error) => return Err(error.to_string()),
        };
        if found.meta.size > MOST_BYTES as u64 {
            return Err(format!("it has more than {MOST_BYTES} bytes"));
        }
        let tag = found.meta.e_tag.clone().map(Tag);
        let bytes = found.bytes().await.map_err(|error| error.to_string())?;
        super::add(&mut Vec::new(), &bytes)?;
        Ok(Fetched::New { bytes: bytes.into(), tag })
    }
}
