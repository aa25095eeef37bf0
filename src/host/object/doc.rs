//! The text that objects lie in, and where it came from.

use std::ops::Range;
use std::sync::Arc;

use super::Object;
use super::scan;

/// Where objects were read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The cluster's name in `pb.toml`; empty where they came from none.
    pub cluster: String,
    /// `apps/v1`: items of a list do not carry it themselves.
    pub api_version: Option<String>,
    /// `Deployment`: likewise.
    pub kind: Option<String>,
}

/// JSON text of one or many objects, without managedFields.
#[derive(Debug)]
pub struct Doc {
    text: String,
    items: Vec<Range<u32>>,
    origin: Origin,
}

impl Doc {
    /// Keeps a text that was checked to be well-formed JSON. `items` are the places of the whole
    /// objects in it, in ascending order, each beginning with its brace.
    pub fn new(text: String, items: Vec<Range<u32>>, origin: Origin) -> Arc<Self> {
        Arc::new(Self { text, items, origin })
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The number of whole objects.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no object.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The whole objects, in order.
    pub fn objects(self: &Arc<Self>) -> impl Iterator<Item = Object> + '_ {
        self.items.iter().map(|item| Object::at(self.clone(), item.start..item.end))
    }

    /// Whether a whole object begins there.
    pub(super) fn is_item(&self, start: u32) -> bool {
        self.items.binary_search_by_key(&start, |item| item.start).is_ok()
    }

    /// The whole object that a place lies in.
    pub(super) fn item_around(&self, at: u32) -> Option<Range<u32>> {
        let after = self.items.partition_point(|item| item.start <= at);
        self.items.get(after.checked_sub(1)?).cloned()
    }

    /// The way from the whole object around it to the value that begins at `at`: `status.conditions[2]`;
    /// empty for the whole object itself.
    pub(super) fn path_to(&self, at: u32) -> String {
        let mut path = String::new();
        let Some(item) = self.item_around(at) else { return path };
        let at = at as usize;
        let mut here = item.start as usize;
        while here != at {
            let step = if self.text.as_bytes().get(here) == Some(&b'[') {
                let found = scan::elements(&self.text, here).enumerate().find(|(_, place)| place.contains(&at));
                found.map(|(index, place)| (format!("[{index}]"), place))
            } else {
                let found = scan::fields(&self.text, here).find(|(_, place)| place.contains(&at));
                found.map(|(key, place)| (key_step(&path, &scan::unescape(key)), place))
            };
            let Some((step, place)) = step else { break };
            path.push_str(&step);
            here = place.start;
        }
        path
    }
}

/// A key as a further step of a path: `.name`, or `["app.kubernetes.io/name"]` where a dot would mislead.
pub(crate) fn key_step(path: &str, key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    match (plain, path.is_empty()) {
        (true, true) => key.to_string(),
        (true, false) => format!(".{key}"),
        (false, _) => format!("[\"{key}\"]"),
    }
}
