//! OCI registries, in which container images are.

use super::super::MOST_BYTES;
use super::{Fetched, Tag};
use oci_client::client::{ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::manifest::OciImageManifest;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};

/// The type of an artifact that is a policy.
const ARTIFACT: &str = "application/vnd.perso.policy.v1";
/// The type of its layer.
const LAYER: &str = "application/wasm";
/// The type of a configuration that says nothing.
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// An artifact in a registry.
pub(crate) struct Registry {
    client: Client,
    reference: Reference,
    auth: RegistryAuth,
}

impl Registry {
    /// The user and password come from `PERSO_REGISTRY_USER` and `PERSO_REGISTRY_PASSWORD`.
    pub(crate) fn new(reference: &str) -> Result<Self, String> {
        let reference: Reference =
            reference.parse().map_err(|error| format!("`oci://{reference}` is not a reference: {error}"))?;
        // A registry on this machine has no certificate.
        let host = reference.resolve_registry().rsplit_once(':').map_or(reference.resolve_registry(), |(host, _)| host);
        let is_local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        let protocol = if is_local { ClientProtocol::Http } else { ClientProtocol::Https };
        let config = ClientConfig { protocol, ..ClientConfig::default() };
        let client = Client::try_from(config).map_err(|error| error.to_string())?;
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let auth = match (variable("PERSO_REGISTRY_USER"), variable("PERSO_REGISTRY_PASSWORD")) {
            (Some(user), Some(password)) => RegistryAuth::Basic(user, password),
            _ => RegistryAuth::Anonymous,
        };
        Ok(Self { client, reference, auth })
    }

    pub(super) async fn fetch(&self, known: Option<&Tag>) -> Result<Fetched, String> {
        let failed = |error: oci_client::errors::OciDistributionError| error.to_string();
        if known.is_some() {
            let digest = self.client.fetch_manifest_digest(&self.reference, &self.auth).await.map_err(failed)?;
            if known == Some(&Tag(digest)) {
                return Ok(Fetched::Same);
            }
        }
        let (manifest, digest) = self.client.pull_image_manifest(&self.reference, &self.auth).await.map_err(failed)?;
        let mut layers = manifest.layers.iter().filter(|layer| layer.media_type == LAYER);
        let (Some(layer), None) = (layers.next(), layers.next()) else {
            return Err(format!("it is not an artifact with one layer of the type {LAYER}"));
        };
        if usize::try_from(layer.size).is_ok_and(|size| size > MOST_BYTES) {
            return Err(format!("it has more than {MOST_BYTES} bytes"));
        }
        let mut bytes = Bounded(Vec::new());
        // This also checks that the bytes have the digest of the layer.
        self.client.pull_blob(&self.reference, layer, &mut bytes).await.map_err(failed)?;
        Ok(Fetched::New { bytes: bytes.0, tag: Some(Tag(digest)) })
    }

    /// Puts a module into the registry, and returns where it is.
    pub(crate) async fn push(&self, module: Vec<u8>) -> Result<String, String> {
        let layers = [ImageLayer::new(module, LAYER.to_owned(), None)];
        let config = Config::new(b"{}".to_vec(), EMPTY.to_owned(), None);
        let mut manifest = OciImageManifest::build(&layers, &config, None);
        manifest.artifact_type = Some(ARTIFACT.to_owned());
        let pushed = self.client.push(&self.reference, &layers, config, &self.auth, Some(manifest)).await;
        pushed.map(|pushed| pushed.manifest_url).map_err(|error| error.to_string())
    }
}

/// Bytes, as many as may be.
struct Bounded(Vec<u8>);

impl tokio::io::AsyncWrite for Bounded {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        chunk: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        let added = super::add(&mut self.0, chunk).map_err(std::io::Error::other);
        std::task::Poll::Ready(added.map(|()| chunk.len()))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}
