//! The `curl` line that a person could type instead of a call.

use std::time::Duration;

use super::credentials::Credentials;
use crate::client::http::{Method, Url};
use crate::client::sh::quoted;
use crate::host::World;

/// Characters of a body that the line shows.
const BODY: usize = 2000;

/// A `curl` line under construction; what it is given must not be secret any more.
#[derive(Debug)]
pub(super) struct Line {
    words: Vec<String>,
    url: String,
}

impl Line {
    pub(super) fn new(method: &Method, url: &Url) -> Self {
        let mut words = vec!["curl".to_string(), "-sS".to_string()];
        match *method {
            Method::GET => {}
            Method::HEAD => words.push("-I".into()),
            _ => words.push(format!("-X {method}")),
        }
        Self { words, url: url.to_string() }
    }

    pub(super) fn flag(&mut self, flag: &str) {
        self.words.push(flag.into());
    }

    pub(super) fn option(&mut self, option: &str, value: &str) {
        self.words.push(format!("{option} {}", quoted(value)));
    }

    pub(super) fn header(&mut self, name: &str, value: &str) {
        self.option("-H", &format!("{name}: {value}"));
    }

    pub(super) fn credentials(&mut self, world: &World, credentials: &Credentials) {
        self.words.push(match credentials {
            Credentials::None => return,
            Credentials::Token(token) => format!("-H {}", token.in_shell(world, "Authorization: Bearer ")),
            Credentials::Basic(user, password) => format!("-u {}", password.in_shell(world, &format!("{user}:"))),
        });
    }

    pub(super) fn json(&mut self, text: &str) {
        self.header("Content-Type", "application/json");
        self.data(text);
    }

    pub(super) fn data(&mut self, text: &str) {
        if text.len() > BODY {
            self.bytes(text.len());
        } else {
            self.option("--data-raw", text);
        }
    }

    /// A body that is too long or not text: it would come from a file.
    pub(super) fn bytes(&mut self, length: usize) {
        self.words.push(format!("--data-binary @BODY-OF-{length}-BYTES"));
    }

    pub(super) fn finish(mut self, within: Option<Duration>) -> String {
        if let Some(within) = within {
            self.option("-m", &format!("{}", within.as_secs_f64()));
        }
        self.words.push(quoted(&self.url));
        self.words.join(" ")
    }
}
