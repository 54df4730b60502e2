//! A support desk: an ordinary rmcp server. Its tools know nothing about policies.

use perso_tower::{BoxError, ResourceQuery, ResourceSource};
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{ServerCapabilities, ServerConfig};
use rmcp::{ServerHandler, tool, tool_handler, tool_router};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The desk's data.
#[derive(Default)]
struct Books {
    refunded: u64,
    mails: u64,
    /// The owner of each record.
    records: BTreeMap<String, String>,
}

#[derive(Clone, Default)]
pub struct Desk(Arc<Mutex<Books>>);

#[derive(Deserialize, JsonSchema)]
pub struct Refund {
    order_id: String,
    amount: u64,
}

#[derive(Deserialize, JsonSchema)]
pub struct Record {
    record_id: String,
}

#[derive(Deserialize, JsonSchema)]
pub struct Mail {
    to: Vec<String>,
    text: String,
}

impl Desk {
    pub fn new() -> Self {
        let desk = Self::default();
        for (record, owner) in [("rec-1", "mgr-001"), ("rec-2", "mgr-002")] {
            desk.books().records.insert(record.to_owned(), owner.to_owned());
        }
        desk
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[tool_router]
impl Desk {
    #[tool(description = "What has been done for the customer")]
    fn view_customer(&self) -> String {
        let books = self.books();
        let records: Vec<_> = books.records.keys().collect();
        json!({ "refunded": books.refunded, "mails": books.mails, "records": records }).to_string()
    }

    #[tool(description = "Refund an order")]
    fn process_refund(&self, Parameters(refund): Parameters<Refund>) -> String {
        self.books().refunded += refund.amount;
        format!("refunded ${} for {}", refund.amount, refund.order_id)
    }

    #[tool(description = "Delete a record")]
    fn delete_record(&self, Parameters(record): Parameters<Record>) -> String {
        self.books().records.remove(&record.record_id);
        format!("deleted {}", record.record_id)
    }

    #[tool(description = "The customer's personal data")]
    fn access_pii(&self) -> String {
        "born 1 January 1970".to_owned()
    }

    #[tool(description = "Write a mail")]
    fn send_email(&self, Parameters(mail): Parameters<Mail>) -> String {
        self.books().mails += mail.to.len() as u64;
        format!("sent {} bytes", mail.text.len())
    }
}

#[tool_handler]
impl ServerHandler for Desk {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }
}

/// Looks up the owner of a record, which rules read as `resource.owner_id`.
#[perso_tower::async_trait]
impl ResourceSource for Desk {
    async fn resource(&self, query: ResourceQuery) -> Result<Map<String, Value>, BoxError> {
        let record = query.args.get("record_id").and_then(Value::as_str).ok_or("the call names no record")?;
        let owner = self.books().records.get(record).cloned().ok_or("there is no such record")?;
        Ok(Map::from_iter([("owner_id".to_owned(), Value::from(owner))]))
    }
}
