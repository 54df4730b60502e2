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
    /// Gives an item the name that clients have for it, or takes note of whose it is. Returns false for what is another
    /// server's.
    fn rename(links: &Links, server: usize, item: &mut Self::Item) -> bool;
}

macro_rules! list {
    ($result:ident, $request:ident, $item:ident, $items:ident, $is_of:expr, $rename:expr) => {
        impl List for $result {
            type Item = $item;

            fn request(page: Page) -> ClientRequest {
                $request { params: page, ..Default::default() }.into()
            }

            fn is_of(capabilities: &ServerCapabilities) -> bool {
                let is_of: fn(&ServerCapabilities) -> bool = $is_of;
                is_of(capabilities)
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

            fn rename(links: &Links, server: usize, item: &mut $item) -> bool {
                let rename: fn(&Links, usize, &mut $item) -> bool = $rename;
                rename(links, server, item)
            }
        }
    };
}

list!(ListToolsResult, ListToolsRequest, Tool, tools, |has| has.tools.is_some(), |links, at, tool| {
    tool.name = links.outer(at, &tool.name).into();
    true
});
list!(ListPromptsResult, ListPromptsRequest, Prompt, prompts, |has| has.prompts.is_some(), |links, at, prompt| {
    prompt.name = links.outer(at, &prompt.name);
    true
});
list!(
    ListResourcesResult,
    ListResourcesRequest,
    Resource,
    resources,
    |has| has.resources.is_some(),
    |links, at, resource| { links.owns(at, &resource.uri) }
);
list!(
    ListResourceTemplatesResult,
    ListResourceTemplatesRequest,
    ResourceTemplate,
    resource_templates,
    |has| has.resources.is_some(),
    |links, at, template| links.owns(at, &template.uri_template)
);
list!(ListSkillsResult, ListSkillsRequest, Skill, skills, |has| has.supports_skills(), |links, at, skill| {
    links.owns(at, &skill.uri)
});

/// A place in the lists of several servers: which of them, and where in its list.
pub(super) fn place(cursor: &str) -> Option<(usize, Option<String>)> {
    let (at, inner) = cursor.split_once('.')?;
    Some((at.parse().ok()?, Some(inner.to_owned())))
}
