//! The lists of MCP, as far as they are alike.

use crate::links::Links;
use rmcp::model::*;

type Page = Option<PaginatedRequestParams>;

/// A list of a server: a page of it.
pub(super) trait List: Default {
    /// What is listed.
    type Item;

    /// The request for a page.
    fn request(page: Page) -> ClientRequest;
    /// Whether a server has such a list.
    fn is_of(capabilities: &ServerCapabilities) -> bool;
    /// The page in an answer.
    fn read(answer: ServerResult) -> Option<Self>;
    fn items(&mut self) -> &mut Vec<Self::Item>;
    /// Where the next page begins.
    fn cursor(&mut self) -> &mut Option<String>;
    /// Gives an item the name that clients have for it, or takes note of whose it is.
    fn rename(links: &Links, server: usize, item: &mut Self::Item);
}

macro_rules! list {
    ($result:ident, $request:ident, $item:ident, $items:ident, $capability:ident, $rename:expr) => {
        impl List for $result {
            type Item = $item;

            fn request(page: Page) -> ClientRequest {
                $request { params: page, ..Default::default() }.into()
            }

            fn is_of(capabilities: &ServerCapabilities) -> bool {
                capabilities.$capability.is_some()
            }

            fn read(answer: ServerResult) -> Option<Self> {
                if let ServerResult::$result(list) = answer { Some(list) } else { None }
            }

            fn items(&mut self) -> &mut Vec<$item> {
                &mut self.$items
            }

            fn cursor(&mut self) -> &mut Option<String> {
                &mut self.next_cursor
            }

            fn rename(links: &Links, server: usize, item: &mut $item) {
                let rename: fn(&Links, usize, &mut $item) = $rename;
                rename(links, server, item);
            }
        }
    };
}

list!(ListToolsResult, ListToolsRequest, Tool, tools, tools, |links, at, tool| {
    tool.name = links.outer(at, &tool.name).into();
});
list!(ListPromptsResult, ListPromptsRequest, Prompt, prompts, prompts, |links, at, prompt| {
    prompt.name = links.outer(at, &prompt.name);
});
list!(ListResourcesResult, ListResourcesRequest, Resource, resources, resources, |links, at, resource| {
    links.owns(at, &resource.uri);
});
list!(
    ListResourceTemplatesResult,
    ListResourceTemplatesRequest,
    ResourceTemplate,
    resource_templates,
    resources,
    |links, at, template| links.owns(at, &template.uri_template)
);

/// A place in the lists of several servers: which of them, and where in its list.
pub(super) fn place(cursor: &str) -> Option<(usize, Option<String>)> {
    let (at, inner) = cursor.split_once('.')?;
    Some((at.parse().ok()?, Some(inner.to_owned())))
}
