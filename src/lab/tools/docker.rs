//! `docker`: login, pull, build, tag, push, images, rmi; images live in the lab, registries are those of its world.
//!
//! Source: docs.docker.com, "docker CLI reference".

use std::collections::BTreeMap;

use http::Method;
use serde_json::json;

use super::words::Words;
use super::{Bench, Call, Say, not_simulated};
use crate::lab::services::{Asked, Reply, links, oci, outside, serve};

const VALUED: [&str; 9] = ["u", "username", "p", "password", "t", "tag", "f", "file", "platform"];

/// Images on the machine that `docker` runs on, and who is logged in where.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    /// By their whole names.
    images: BTreeMap<String, Image>,
    logins: BTreeMap<String, (String, String)>,
}

#[derive(Debug, Clone)]
struct Image {
    layer: Vec<u8>,
    config: Vec<u8>,
}

impl Image {
    /// An image of which nothing is known but what it is made of.
    fn of(what: &str) -> Self {
        let layer = format!("layer of {what}\n").into_bytes();
        let config = json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [oci::digest(&layer)] } });
        Self { layer, config: config.to_string().into_bytes() }
    }

    fn manifest(&self) -> String {
        let part = |media: &str, bytes: &[u8]| json!({ "mediaType": media, "digest": oci::digest(bytes), "size": bytes.len() });
        json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": part("application/vnd.oci.image.config.v1+json", &self.config),
            "layers": [part("application/vnd.oci.image.layer.v1.tar", &self.layer)],
        })
        .to_string()
    }
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A name taken apart: registry, repository, tag.
fn parts(name: &str) -> (String, String, String) {
    let (bare, tag) = match name.rsplit_once(':') {
        Some((bare, tag)) if !tag.contains('/') => (bare, tag),
        _ => (name, "latest"),
    };
    match bare.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => {
            (host.into(), rest.into(), tag.into())
        }
        Some(_) => ("docker.io".into(), bare.into(), tag.into()),
        None => ("docker.io".into(), format!("library/{bare}"), tag.into()),
    }
}

fn whole(name: &str) -> String {
    let (host, repository, tag) = parts(name);
    format!("{host}/{repository}:{tag}")
}

pub(super) async fn run(bench: &Bench, call: &Call, say: &Say) -> i32 {
    let words = Words::of(&call.args, &VALUED);
    let failed = |why: String| {
        say.err(format!("{why}\n"));
        1
    };
    let result = match words.plain().as_slice() {
        ["version"] => {
            say.out("Client: Docker Engine - Community\n Version:           28.4.0\nServer: Docker Engine - Community\n Engine:\n  Version:          28.4.0\n");
            Ok(())
        }
        ["login", host @ ..] => login(bench, call, &words, host.first().unwrap_or(&"docker.io"), say).await,
        ["logout", host @ ..] => {
            bench.machine().logins.remove(*host.first().unwrap_or(&"docker.io"));
            say.out("Removing login credentials\n");
            Ok(())
        }
        ["pull", name] => pull(bench, name, say).await,
        ["push", name] => push(bench, name, say).await,
        ["tag", from, to] => {
            let image = bench.machine().images.get(&whole(from)).cloned();
            match image {
                Some(image) => {
                    bench.machine().images.insert(whole(to), image);
                    Ok(())
                }
                None => Err(format!("Error response from daemon: No such image: {from}")),
            }
        }
        ["build", path] | ["buildx", "build", path] => build(bench, call, &words, path, say),
        ["images"] | ["image", "ls"] => {
            say.out("REPOSITORY   TAG   IMAGE ID   SIZE\n");
            for (name, image) in &bench.machine().images {
                let (host, repository, tag) = parts(name);
                say.out(format!(
                    "{host}/{repository}   {tag}   {}   {}B\n",
                    &oci::digest(&image.config)[7..19],
                    image.layer.len()
                ));
            }
            Ok(())
        }
        ["rmi", name] | ["image", "rm", name] => match bench.machine().images.remove(&whole(name)) {
            Some(_) => {
                say.out(format!("Untagged: {name}\n"));
                Ok(())
            }
            None => Err(format!("Error response from daemon: No such image: {name}")),
        },
        _ => return not_simulated(say, call),
    };
    result.map_or_else(failed, |()| 0)
}

/// A request to a registry, which is at a name of the world.
async fn ask(bench: &Bench, host: &str, asked: Asked) -> Result<Reply, String> {
    let bare = host.split(':').next().unwrap_or(host);
    let bare = if bare == "docker.io" { "registry-1.docker.io" } else { bare };
    let lost =
        || format!("Error response from daemon: Get \"https://{host}/v2/\": dial tcp: lookup {bare}: no such host");
    let address = links::resolve(&bench.services, bare).ok_or_else(lost)?;
    let refused = || {
        format!(
            "Error response from daemon: Get \"https://{host}/v2/\": dial tcp {address}:443: connect: connection refused"
        )
    };
    let door = links::door(&bench.services, address, 443).flatten().ok_or_else(refused)?;
    let asked = Asked { host: bare.into(), secure: true, ..asked };
    serve::answer(&bench.services, &door, asked)
        .await
        .map_err(|_| format!("Error response from daemon: Get \"https://{host}/v2/\": EOF"))
}

fn with(mut asked: Asked, authorization: &str) -> Asked {
    if let Ok(value) = http::HeaderValue::from_str(authorization) {
        asked.headers.insert("authorization", value);
    }
    asked
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

/// A token for a repository, from wherever the registry's challenge leads.
async fn token(bench: &Bench, host: &str, scope: &str) -> Result<String, String> {
    let challenge = ask(bench, host, Asked::get("/v2/")).await?;
    let text = challenge.headers.get("www-authenticate").cloned().unwrap_or_default();
    if challenge.status != 401 {
        return if challenge.status.is_success() { Ok(String::new()) } else { Err(said(host, &challenge)) };
    }
    let part = |key: &str| {
        text.split(&format!("{key}=\"")).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default().to_string()
    };
    let (realm, service) = (part("realm"), part("service"));
    let path = realm
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('/'))
        .map(|(_, path)| format!("/{path}"))
        .unwrap_or_default();
    let asked = Asked::get(&format!("{path}?service={service}&scope={scope}"));
    let login = bench.machine().logins.get(host).cloned();
    let asked = login.map_or(asked.clone(), |(user, password)| with(asked, &basic(&user, &password)));
    let reply = ask(bench, host, asked).await?;
    if !reply.status.is_success() {
        return Err(said(host, &reply));
    }
    Ok(reply.value()["token"].as_str().map(|token| format!("Bearer {token}")).unwrap_or_default())
}

/// What a registry refused, in docker's words.
fn said(host: &str, reply: &Reply) -> String {
    let error = &reply.value()["errors"][0];
    match error["message"].as_str() {
        Some(message) => format!("{}: {message}", error["code"].as_str().unwrap_or("unknown").to_lowercase()),
        None => format!("Error response from daemon: received unexpected HTTP status from {host}: {}", reply.status),
    }
}

async fn login(bench: &Bench, call: &Call, words: &Words, host: &str, say: &Say) -> Result<(), String> {
    let user =
        words.value(&["u", "username"]).ok_or("Error: Cannot perform an interactive login from a non TTY device")?;
    let password =
        if words.has(&["password-stdin"]) { Some(call.stdin.trim_end()) } else { words.value(&["p", "password"]) };
    let password = password.ok_or("Error: Cannot perform an interactive login from a non TTY device")?;
    bench.machine().logins.insert(host.into(), (user.into(), password.into()));
    if let Err(why) = token(bench, host, "").await {
        bench.machine().logins.remove(host);
        return Err(format!("Error response from daemon: Get \"https://{host}/v2/\": {why}"));
    }
    say.out("Login Succeeded\n");
    Ok(())
}

async fn pull(bench: &Bench, name: &str, say: &Say) -> Result<(), String> {
    let (host, repository, tag) = parts(name);
    let token = token(bench, &host, &format!("repository:{repository}:pull")).await?;
    say.out(format!("{tag}: Pulling from {repository}\n"));
    let get = |address: String| ask(bench, &host, with(Asked::get(&address), &token));
    let reply = get(format!("/v2/{repository}/manifests/{tag}")).await?;
    if !reply.status.is_success() {
        return Err(format!("Error response from daemon: {}", said(&host, &reply)));
    }
    if reply.broken {
        return Err("Error response from daemon: unexpected EOF".into());
    }
    let manifest = reply.value();
    let mut image = Image::of(&format!("{host}/{repository}:{tag}"));
    // Public registries of the lab have an index without parts: what is in there is nobody's concern.
    if let (Some(config), Some(layer)) =
        (manifest["config"]["digest"].as_str(), manifest["layers"][0]["digest"].as_str())
    {
        for (digest, into) in [(config, &mut image.config), (layer, &mut image.layer)] {
            let blob = get(format!("/v2/{repository}/blobs/{digest}")).await?;
            if !blob.status.is_success() || blob.broken || oci::digest(&blob.body) != digest {
                return Err(format!(
                    "Error response from daemon: filesystem layer verification failed for digest {digest}"
                ));
            }
            *into = blob.body.to_vec();
            say.out(format!("{}: Pull complete\n", &digest[7..19.min(digest.len())]));
        }
    }
    bench.machine().images.insert(whole(name), image);
    say.out(format!(
        "Digest: {}\nStatus: Downloaded newer image for {name}\n{host}/{repository}:{tag}\n",
        oci::digest(&reply.body)
    ));
    Ok(())
}

async fn push(bench: &Bench, name: &str, say: &Say) -> Result<(), String> {
    let (host, repository, tag) = parts(name);
    let image = bench.machine().images.get(&whole(name)).cloned().ok_or_else(|| {
        format!(
            "An image does not exist locally with the tag: {}",
            name.rsplit_once(':').map_or(name, |(bare, _)| bare)
        )
    })?;
    say.out(format!("The push refers to repository [{host}/{repository}]\n"));
    if outside::hosts().any(|own| own == host) || host == "docker.io" {
        return Err("denied: requested access to the resource is denied".into());
    }
    let token = token(bench, &host, &format!("repository:{repository}:pull,push")).await?;
    let send = |method: Method, address: String, media: &str, body: Vec<u8>| {
        let mut asked = with(Asked { method, body: body.into(), ..Asked::get(&address) }, &token);
        if let Ok(media) = http::HeaderValue::from_str(media) {
            asked.headers.insert("content-type", media);
        }
        ask(bench, &host, asked)
    };
    for body in [&image.layer, &image.config] {
        let digest = oci::digest(body);
        let reply = send(
            Method::POST,
            format!("/v2/{repository}/blobs/uploads/?digest={digest}"),
            "application/octet-stream",
            body.clone(),
        )
        .await?;
        if reply.status != 201 || reply.broken {
            return Err(if reply.broken { "unexpected EOF".into() } else { said(&host, &reply) });
        }
        say.out(format!("{}: Pushed\n", &digest[7..19]));
    }
    let manifest = image.manifest();
    let reply =
        send(Method::PUT, format!("/v2/{repository}/manifests/{tag}"), MANIFEST, manifest.clone().into_bytes()).await?;
    if reply.status != 201 || reply.broken {
        return Err(if reply.broken { "unexpected EOF".into() } else { said(&host, &reply) });
    }
    say.out(format!("{tag}: digest: {} size: {}\n", oci::digest(manifest.as_bytes()), manifest.len()));
    Ok(())
}

fn build(bench: &Bench, call: &Call, words: &Words, path: &str, say: &Say) -> Result<(), String> {
    let folder = std::path::Path::new(&call.dir).join(path);
    let file = words
        .value(&["f", "file"])
        .map_or_else(|| folder.join("Dockerfile"), |file| std::path::Path::new(&call.dir).join(file));
    let text = std::fs::read_to_string(&file).map_err(|_| {
        format!(
            "ERROR: failed to build: failed to solve: failed to read dockerfile: open {}: no such file or directory",
            file.display()
        )
    })?;
    let steps: Vec<&str> =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let first = steps.iter().find(|step| !step.to_uppercase().starts_with("ARG")).copied().unwrap_or_default();
    if !first.to_uppercase().starts_with("FROM ") {
        return Err("ERROR: failed to build: failed to solve: no build stage in current context".into());
    }
    for step in
        steps.iter().filter(|step| step.to_uppercase().starts_with("COPY ") || step.to_uppercase().starts_with("ADD "))
    {
        let from = step.split_whitespace().nth(1).unwrap_or_default();
        if !from.starts_with("--") && !folder.join(from.trim_end_matches('*')).exists() && !from.contains('*') {
            return Err(format!(
                "ERROR: failed to build: failed to solve: failed to compute cache key: \"/{from}\": not found"
            ));
        }
    }
    say.err(
        steps
            .iter()
            .enumerate()
            .map(|(index, step)| {
                format!("#{} [{}/{}] {step}\n#{} DONE 0.1s\n", index + 4, index + 1, steps.len(), index + 4)
            })
            .collect::<String>(),
    );
    let image = Image::of(&text);
    say.err(format!("#{} writing image {} done\n", steps.len() + 4, oci::digest(&image.config)));
    for tag in words.values(&["t", "tag"]) {
        bench.machine().images.insert(whole(tag), image.clone());
    }
    Ok(())
}
