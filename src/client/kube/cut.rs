//! From an answer's JSON to the text that is kept: the items without managedFields, and where each lies.
//!
//! No value tree is built: serde walks the text once for the items' borders and once more, item by item,
//! for the place of `metadata.managedFields`.

use std::borrow::Cow;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{Error, Kind, Result};

/// Some objects of one kind: their JSON, one after the other, and where each lies in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Page {
    /// The objects' JSON, one to a line.
    pub text: String,
    /// Where each object lies in `text`.
    pub items: Vec<Range<u32>>,
    /// `apps/v1`; the items of a list do not say it themselves.
    pub api_version: String,
    /// `Deployment`
    pub kind: String,
}

impl Page {
    /// The objects' JSON, one by one.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.items.iter().map(|at| &self.text[at.start as usize..at.end as usize])
    }
}

/// A list's answer, cut.
#[derive(Debug)]
pub(crate) struct Cut {
    pub(crate) page: Page,
    pub(crate) next: Option<String>,
    pub(crate) version: String,
    /// Bytes of the answer.
    pub(crate) length: usize,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    metadata: ListMeta<'a>,
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ListMeta<'a> {
    #[serde(borrow, rename = "continue")]
    next: Option<Cow<'a, str>>,
    #[serde(borrow)]
    resource_version: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default)]
    metadata: Option<ItemMeta<'a>>,
}

#[derive(Deserialize)]
struct ItemMeta<'a> {
    #[serde(borrow, default, rename = "managedFields")]
    managed_fields: Option<&'a RawValue>,
}

/// Cuts a list's answer. `what` names it in errors.
pub(crate) fn list(body: &str, api_version: &str, kind: &str, what: &str) -> Result<Cut> {
    let unreadable = |e: &dyn std::fmt::Display| {
        let shown = crate::error::beginning(body, 200);
        Error::new(Kind::Unreadable, format!("{what}: the answer is not a list in JSON"))
            .because(e)
            .because(format!("it begins: {shown}"))
    };
    let envelope: Envelope<'_> = serde_json::from_str(body).map_err(|e| unreadable(&e))?;
    let items = envelope.items.ok_or_else(|| unreadable(&"it has no items"))?;
    // Where text is kept, in order: exact before anything is copied, so that the copy is as large as it needs to be.
    let mut kept = Vec::with_capacity(items.len());
    let mut size = 0;
    for item in &items {
        let item = item.get();
        let hole = managed_fields(item).map_err(|e| unreadable(&e))?;
        size += item.len() - hole.as_ref().map_or(0, Range::len) + 1;
        kept.push((item, hole));
    }
    let mut page = Page {
        text: String::with_capacity(size),
        items: Vec::with_capacity(items.len()),
        api_version: api_version.into(),
        kind: kind.into(),
    };
    let place = |at: usize| u32::try_from(at).map_err(|_| unreadable(&"a page of more than 4 GiB"));
    for (item, hole) in kept {
        let start = place(page.text.len())?;
        push_without(&mut page.text, item, hole);
        page.items.push(start..place(page.text.len())?);
        page.text.push('\n');
    }
    Ok(Cut {
        page,
        next: envelope.metadata.next.filter(|n| !n.is_empty()).map(Cow::into_owned),
        version: envelope.metadata.resource_version.unwrap_or_default().into_owned(),
        length: body.len(),
    })
}

/// Bytes in which a list's metadata lie, which the API server writes before the items.
pub(crate) const HEAD: usize = 4096;

/// The continue token in the head of a list's answer. `None` when the head can't be told from the items; the parsed
/// list then says it.
pub(crate) fn peek(body: &[u8]) -> Option<Option<String>> {
    let head = &body[..body.len().min(HEAD)];
    let head = str::from_utf8(head).or_else(|e| str::from_utf8(&head[..e.valid_up_to()])).ok()?;
    let at = head.find("\"items\":")?;
    let head = format!("{}\"items\":[]}}", &head[..at]);
    let envelope: Envelope<'_> = serde_json::from_str(&head).ok()?;
    envelope.metadata.resource_version?;
    Some(envelope.metadata.next.filter(|n| !n.is_empty()).map(Cow::into_owned))
}

/// One object's JSON without managedFields.
///
/// # Errors
/// [`Kind::Unreadable`] where the text is not a JSON object.
pub fn without_managed_fields(mut text: String) -> Result<String> {
    let hole = managed_fields(&text).map_err(|e| {
        let shown = crate::error::beginning(&text, 200);
        Error::new(Kind::Unreadable, "the answer is not an object in JSON")
            .because(e)
            .because(format!("it begins: {shown}"))
    })?;
    if let Some(hole) = hole {
        text.replace_range(hole, "");
        text.shrink_to_fit();
    }
    Ok(text)
}

fn push_without(text: &mut String, item: &str, hole: Option<Range<usize>>) {
    match hole {
        Some(hole) => {
            text.push_str(&item[..hole.start]);
            text.push_str(&item[hole.end..]);
        }
        None => text.push_str(item),
    }
}

/// What to leave out of an object: the key `managedFields`, its value and one comma.
fn managed_fields(item: &str) -> serde_json::Result<Option<Range<usize>>> {
    let parsed: Item<'_> = serde_json::from_str(item)?;
    let Some(value) = parsed.metadata.and_then(|m| m.managed_fields) else { return Ok(None) };
    let value = value.get();
    // Both are slices of one text, so the difference of their addresses is the offset.
    let start = value.as_ptr().addr() - item.as_ptr().addr();
    let end = start + value.len();
    // A key written with escapes is not found here; then the field stays, which does no harm.
    let key =
        item[..start].trim_end().strip_suffix(':').map(str::trim_end).and_then(|t| t.strip_suffix("\"managedFields\""));
    let Some(before) = key else { return Ok(None) };
    if let Some(before) = before.trim_end().strip_suffix(',') {
        return Ok(Some(before.len()..end));
    }
    let after = item[end..].trim_start();
    let end = after.strip_prefix(',').map_or(end, |rest| item.len() - rest.len());
    Ok(Some(before.len()..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"42","continue":"abc","remainingItemCount":7},
        "items":[{"metadata":{"name":"a","managedFields":[{"f":{}}],"uid":"1"},"spec":{}},
                 {"metadata":{"managedFields":[],"name":"ü"}}, {"metadata":{"managedFields":[1]}}, {"metadata":{"name":"d"}}]}"#;

    #[test]
    fn items_are_cut_out_without_managed_fields() {
        let cut = list(LIST, "v1", "Pod", "the list of pods").expect("a list");
        let items: Vec<&str> =
            cut.page.items.iter().map(|r| &cut.page.text[r.start as usize..r.end as usize]).collect();
        assert_eq!(
            items,
            [
                r#"{"metadata":{"name":"a","uid":"1"},"spec":{}}"#,
                r#"{"metadata":{"name":"ü"}}"#,
                r#"{"metadata":{}}"#,
                r#"{"metadata":{"name":"d"}}"#
            ]
        );
        assert_eq!(cut.page.text.capacity(), cut.page.text.len());
        assert_eq!((cut.next.as_deref(), cut.version.as_str()), (Some("abc"), "42"));
        assert_eq!(peek(LIST.as_bytes()), Some(Some("abc".to_string())));
    }

    #[test]
    fn the_last_page_has_no_token_and_an_empty_list_is_a_list() {
        let cut = list(r#"{"metadata":{"resourceVersion":"9","continue":""},"items":[]}"#, "v1", "Pod", "pods")
            .expect("a list");
        assert_eq!((cut.next, cut.page.items.len()), (None, 0));
    }

    #[test]
    fn what_is_not_a_whole_list_is_an_error_and_not_an_empty_one() {
        for body in [r#"{"kind":"Status"}"#, "", "<html>", &LIST[..LIST.len() - 3]] {
            let error = list(body, "v1", "Pod", "the list of pods").expect_err("no list");
            assert_eq!(error.kind, Kind::Unreadable, "{body}");
        }
    }

    #[test]
    fn one_object_loses_them_too() {
        let text = r#"{"kind":"Pod","metadata": { "managedFields" : [{}] , "name":"a"}}"#.to_string();
        assert_eq!(without_managed_fields(text).expect("an object"), r#"{"kind":"Pod","metadata": {  "name":"a"}}"#);
    }
}
