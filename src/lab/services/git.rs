//! Git's smart HTTP protocol, for an unmodified `git`: what it clones and fetches, and what it pushes.
//!
//! Source: git's documentation, gitprotocol-http(5), gitprotocol-pack(5), gitformat-pack(5). Nothing is offered that would
//! have to be done in another way: no side band, no deltas by offset, one branch.

mod folder;
mod pack;
mod tree;

use std::collections::BTreeMap;

use jiff::Timestamp;

/// What stands for no object.
const NOTHING: &str = "0000000000000000000000000000000000000000";
/// The one branch.
const BRANCH: &str = "refs/heads/main";

/// The kinds of objects, by their numbers in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Commit = 1,
    Tree = 2,
    Blob = 3,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
        }
    }

    fn numbered(number: u8) -> Option<Self> {
        [Self::Commit, Self::Tree, Self::Blob].into_iter().find(|kind| *kind as u8 == number)
    }
}

/// An object, which is named by its digest.
#[derive(Debug, Clone)]
pub(super) struct Object {
    kind: Kind,
    body: Vec<u8>,
}

/// A repository with its branch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Repository {
    objects: BTreeMap<String, Object>,
    head: Option<String>,
}

/// What a push has brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pushed {
    /// The branch's commit.
    pub(super) commit: String,
    /// Its message.
    pub(super) message: String,
    /// All files that it has.
    pub(super) files: BTreeMap<String, String>,
}

impl Repository {
    /// The branch's commit; zeros where there is none yet.
    pub(super) fn head(&self) -> &str {
        self.head.as_deref().unwrap_or(NOTHING)
    }

    /// Makes a commit of all files, on the branch.
    pub(crate) fn commit(&mut self, files: &BTreeMap<String, String>, message: &str, now: Timestamp) -> String {
        let tree = tree::write(self, files);
        let parent = self.head.as_ref().map(|head| format!("parent {head}\n")).unwrap_or_default();
        let who = format!("Administrator <admin@example.com> {} +0000", now.as_second());
        let body = format!("tree {tree}\n{parent}author {who}\ncommitter {who}\n\n{message}\n");
        let id = self.put(Kind::Commit, body.into_bytes());
        self.head = Some(id.clone());
        id
    }

    fn put(&mut self, kind: Kind, body: Vec<u8>) -> String {
        let id = pack::name(kind, &body);
        self.objects.insert(id.clone(), Object { kind, body });
        id
    }

    /// What a service has: `git-upload-pack`, `git-receive-pack`.
    pub(super) fn refs(&self, service: &str) -> String {
        let able = if service == "git-receive-pack" {
            "report-status agent=git/lab"
        } else {
            "symref=HEAD:refs/heads/main agent=git/lab"
        };
        let first = match &self.head {
            Some(head) if service == "git-upload-pack" => format!("{head} HEAD\0{able}\n"),
            Some(head) => format!("{head} {BRANCH}\0{able}\n"),
            None => format!("{NOTHING} capabilities^{{}}\0{able}\n"),
        };
        let mut out = format!("{}0000{}", line(&format!("# service={service}\n")), line(&first));
        if let (Some(head), "git-upload-pack") = (&self.head, service) {
            out.push_str(&line(&format!("{head} {BRANCH}\n")));
        }
        out + "0000"
    }

    /// Answers what a clone or a fetch asks for: everything that there is.
    pub(super) fn upload(&self, asked: &[u8]) -> Vec<u8> {
        let (lines, _) = lines(asked);
        let mut out = line("NAK\n").into_bytes();
        // Until the client is done, it only asks what both have.
        if lines.iter().any(|line| line.trim_end() == "done") {
            out.extend(pack::write(self.objects.values()).0);
        }
        out
    }

    /// Takes a push.
    ///
    /// # Errors
    /// What is wrong with it, as the client is told.
    pub(super) fn receive(&mut self, sent: &[u8]) -> Result<Pushed, String> {
        let (lines, rest) = lines(sent);
        let command = lines.first().and_then(|line| line.split('\0').next()).unwrap_or_default();
        let words: Vec<&str> = command.trim_end().split(' ').collect();
        let [old, new, name] = words.as_slice() else { return Err("no command".into()) };
        if *name != BRANCH {
            return Err(format!("{name}: the lab's projects have one branch, {BRANCH}"));
        }
        if *old != self.head() {
            return Err("fetch first".into());
        }
        for object in pack::read(rest, &self.objects)? {
            self.put(object.kind, object.body);
        }
        let commit = self.objects.get(*new).filter(|object| object.kind == Kind::Commit).ok_or("missing objects")?;
        let text = String::from_utf8_lossy(&commit.body).into_owned();
        let tree = text.strip_prefix("tree ").and_then(|rest| rest.get(..40)).ok_or("a commit without a tree")?;
        let files = tree::read(self, tree, "")?;
        let message = text.split_once("\n\n").map(|(_, message)| message.trim_end().to_owned()).unwrap_or_default();
        self.head = Some((*new).to_owned());
        Ok(Pushed { commit: (*new).to_owned(), message, files })
    }
}

/// How a push went, as its client reads it.
pub(super) fn report(result: &Result<Pushed, String>) -> String {
    let told = match result {
        Ok(_) => format!("ok {BRANCH}\n"),
        Err(why) => format!("ng {BRANCH} {why}\n"),
    };
    format!("{}{}0000", line("unpack ok\n"), line(&told))
}

/// A line of the protocol: its length in four hexadecimal digits, then itself.
fn line(text: &str) -> String {
    format!("{:04x}{text}", text.len() + 4)
}

/// The lines, and what comes after the last pause: of several, those of all.
fn lines(mut bytes: &[u8]) -> (Vec<String>, &[u8]) {
    let mut out = Vec::new();
    while let Some(length) = bytes
        .get(..4)
        .and_then(|four| std::str::from_utf8(four).ok())
        .and_then(|four| usize::from_str_radix(four, 16).ok())
    {
        let whole = length.max(4);
        let Some(text) = bytes.get(4..whole) else { break };
        if length > 4 {
            out.push(String::from_utf8_lossy(text).into_owned());
        }
        bytes = &bytes[whole..];
    }
    (out, bytes)
}

#[cfg(test)]
mod tests;
