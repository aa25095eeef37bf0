//! `-w`: what `curl` says of what it did.

use std::time::Duration;

use super::super::web::Url;
use crate::lab::pods::line::{Answer, Came, Request};

/// What a packet and its answer take within a cluster.
const ROUND: Duration = Duration::from_micros(400);

/// What it knows when it ends.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) url: String,
    pub(super) redirects: usize,
    status: u16,
    method: String,
    scheme: &'static str,
    at: String,
    port: u16,
    sent: usize,
    received: usize,
    media: String,
    next: String,
    took: Duration,
    secure: bool,
}

impl Facts {
    /// A request is about to be sent.
    pub(super) fn sends(&mut self, url: &Url, request: &Request) {
        self.url = url.text();
        (self.method, self.sent) = (request.method.clone(), request.body.len());
        self.secure = url.secure;
        self.scheme = if url.secure { "https" } else { "http" };
    }

    /// Something came of it.
    pub(super) fn came(&mut self, came: &Came) {
        self.at = came.at.map(|at| at.to_string()).unwrap_or_default();
        self.took += came.took;
    }

    pub(super) fn answered(&mut self, url: &Url, answer: &Answer) {
        (self.status, self.port, self.received) = (answer.status, url.port, answer.body.len());
        self.media = answer.header("content-type").unwrap_or_default().to_owned();
        self.next = super::web::moved(url, answer).map(|next| next.text()).unwrap_or_default();
    }

    /// The words of a format.
    pub(super) fn written(&self, format: &str, code: i32) -> String {
        let mut out = String::new();
        let mut rest = format;
        while let Some(at) = rest.find(['%', '\\']) {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            let named = rest.strip_prefix("%{").and_then(|inner| inner.split_once('}'));
            if let Some((name, behind)) = named {
                out.push_str(&self.value(name, code));
                rest = behind;
                continue;
            }
            let (text, taken) = match rest.get(..2) {
                Some("%%") => ("%", 2),
                Some("\\n") => ("\n", 2),
                Some("\\t") => ("\t", 2),
                Some("\\r") => ("\r", 2),
                _ => (&rest[..1], 1),
            };
            out.push_str(text);
            rest = &rest[taken..];
        }
        out + rest
    }

    fn value(&self, name: &str, code: i32) -> String {
        let time = |rounds: u32| {
            let span = if self.at.is_empty() { Duration::ZERO } else { ROUND * rounds };
            format!("{:.6}", span.as_secs_f64())
        };
        let handshake = if self.secure { 4 } else { 2 };
        let there = |value: String| if self.status == 0 { String::new() } else { value };
        match name {
            "http_code" | "response_code" => format!("{:03}", self.status),
            "time_namelookup" => time(1),
            "time_connect" => time(2),
            "time_appconnect" if !self.secure => format!("{:.6}", 0.0),
            "time_appconnect" | "time_pretransfer" => time(handshake),
            "time_starttransfer" | "time_total" => {
                let rounds = if self.at.is_empty() { Duration::ZERO } else { ROUND * (handshake + 1) };
                format!("{:.6}", (self.took + rounds).as_secs_f64())
            }
            "time_redirect" => format!("{:.6}", 0.0),
            "size_download" => self.received.to_string(),
            "size_upload" => self.sent.to_string(),
            "content_type" => self.media.clone(),
            "url_effective" | "url" => self.url.clone(),
            "redirect_url" => self.next.clone(),
            "num_redirects" => self.redirects.to_string(),
            "remote_ip" => self.at.clone(),
            "remote_port" => self.port.to_string(),
            "scheme" => self.scheme.to_owned(),
            "method" => self.method.clone(),
            "http_version" => there("1.1".into()),
            "exitcode" => code.to_string(),
            "ssl_verify_result" => i32::from(code == 60).to_string(),
            _ => String::new(),
        }
    }
}
