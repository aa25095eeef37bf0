//! Plain web servers: busybox' `httpd` with the files of its pod, nginx, and those that say what they were asked.

use serde_json::{Value, json};

use super::{Asked, Reply, Site};
use crate::lab::pods::{programs, serve};

/// busybox' `httpd`.
pub(super) fn httpd(site: &Site<'_>, asked: &Asked) -> Reply {
    let root = serve::httpd(site.pod, site.port).unwrap_or_default();
    match serve::file(site.cluster, site.pod, &root, &asked.path) {
        Some(text) => Reply::new(200, "text/html", text),
        None => Reply::new(404, "text/html", "404 Not Found\nThe requested URL was not found\n"),
    }
}

/// nginx as it is installed, or with the files that a ConfigMap has mounted.
pub(super) fn nginx(site: &Site<'_>, asked: &Asked) -> Reply {
    let path = if asked.path.ends_with('/') { format!("{}index.html", asked.path) } else { asked.path.clone() };
    let own = programs::file(&site.cluster.world(), site.pod, &format!("/usr/share/nginx/html{path}"));
    let tag = site.pod["spec"]["containers"][0]["image"].as_str().and_then(|image| image.rsplit_once(':'));
    let version =
        tag.map(|(_, tag)| tag).filter(|tag| tag.starts_with(|c: char| c.is_ascii_digit())).unwrap_or("1.29.2");
    let server = format!("nginx/{}", version.split('-').next().unwrap_or_default());
    let reply = match own {
        Some(text) => Reply::new(200, "text/html", text),
        None if matches!(path.as_str(), "/index.html") => Reply::new(200, "text/html", WELCOME),
        None => Reply::new(404, "text/html", nginx_error("404 Not Found", &server)),
    };
    reply.with("server", server)
}

fn nginx_error(what: &str, server: &str) -> String {
    format!(
        "<html>\r\n<head><title>{what}</title></head>\r\n<body>\r\n<center><h1>{what}</h1></center>\r\n\
         <hr><center>{server}</center>\r\n</body>\r\n</html>\r\n"
    )
}

const WELCOME: &str = "<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>\n</head>\n<body>\n\
    <h1>Welcome to nginx!</h1>\n<p>The web server runs.</p>\n</body>\n</html>\n";

/// Apache's.
pub(super) fn apache(_: &Site<'_>, asked: &Asked) -> Reply {
    match asked.path.as_str() {
        "/" | "/index.html" => Reply::new(200, "text/html", "<html><body><h1>It works!</h1></body></html>\n"),
        _ => Reply::new(404, "text/html; charset=iso-8859-1", "<title>404 Not Found</title>\n"),
    }
}

/// Says what it was asked, and which pod says so.
pub(super) fn echo(site: &Site<'_>, asked: &Asked) -> Reply {
    match asked.path.as_str() {
        "/healthz" | "/health" | "/readyz" => return Reply::json(200, &json!({ "status": "OK" })),
        "/hostname" => return Reply::text(200, site.name()),
        _ => {}
    }
    let headers: serde_json::Map<String, Value> = asked
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().into()))
        .collect();
    Reply::json(
        200,
        &json!({
            "path": asked.path, "query": asked.query, "method": asked.method.as_str(), "headers": headers,
            "hostname": asked.host, "body": String::from_utf8_lossy(&asked.body),
            "os": { "hostname": site.name() }, "message": format!("greetings from {}", site.name()),
        }),
    )
}
