//! The registry as clients push to it and pull from it.

use super::*;

fn ask(images: &mut Images, method: &str, address: &str, headers: &[(&'static str, &str)], body: &[u8]) -> Reply {
    let mut asked =
        Asked { method: method.parse().unwrap(), body: Bytes::copy_from_slice(body), ..Asked::get(address) };
    for (name, value) in headers {
        asked.headers.insert(*name, http::HeaderValue::from_str(value).unwrap());
    }
    let may = |name: &str, _| {
        if name.starts_with("secret/") { Err(refused(401, "UNAUTHORIZED", "no", &Value::Null)) } else { Ok(()) }
    };
    images.answer(&asked, Timestamp::UNIX_EPOCH, may)
}

fn status(reply: &Reply) -> u16 {
    reply.status.as_u16()
}

fn code(reply: &Reply) -> String {
    reply.value()["errors"][0]["code"].as_str().unwrap_or_default().into()
}

/// Pushes a blob at once.
fn push(images: &mut Images, name: &str, body: &[u8]) -> String {
    let own = digest(body);
    let reply = ask(images, "POST", &format!("/v2/{name}/blobs/uploads/?digest={own}"), &[], body);
    assert_eq!(status(&reply), 201);
    own
}

fn manifest(layer: &str, config: &str) -> String {
    json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": { "digest": config, "size": 2 }, "layers": [{ "digest": layer, "size": 3 }] })
    .to_string()
}

#[test]
fn an_image_is_pushed_in_chunks_and_pulled() {
    let mut images = Images::default();
    let begun = ask(&mut images, "POST", "/v2/library/nginx/blobs/uploads/", &[], b"");
    assert_eq!(status(&begun), 202);
    let at = begun.headers["location"].clone();
    let first = ask(&mut images, "PATCH", &at, &[("content-range", "0-2")], b"abc");
    assert_eq!((status(&first), first.headers["range"].as_str()), (202, "0-2"));
    assert_eq!(status(&ask(&mut images, "PATCH", &at, &[("content-range", "9-10")], b"x")), 416, "a hole");
    assert_eq!(status(&ask(&mut images, "GET", &at, &[], b"")), 204);
    let layer = digest(b"abcdef");
    let closed = ask(&mut images, "PUT", &format!("{at}?digest={layer}"), &[], b"def");
    assert_eq!((status(&closed), closed.headers["docker-content-digest"].as_str()), (201, layer.as_str()));
    let config = push(&mut images, "library/nginx", b"{}");

    let text = manifest(&layer, &config);
    let media = [("content-type", "application/vnd.oci.image.manifest.v1+json")];
    let put = ask(&mut images, "PUT", "/v2/library/nginx/manifests/test", &media, text.as_bytes());
    assert_eq!(status(&put), 201, "{put:?}");
    let got = ask(&mut images, "GET", "/v2/library/nginx/manifests/test", &[], b"");
    assert_eq!((got.body.as_ref(), got.headers["content-type"].as_str()), (text.as_bytes(), media[0].1));
    let own = digest(text.as_bytes());
    assert_eq!(got.headers["docker-content-digest"], own);
    assert_eq!(status(&ask(&mut images, "HEAD", &format!("/v2/library/nginx/manifests/{own}"), &[], b"")), 200);
    assert_eq!(ask(&mut images, "GET", &format!("/v2/library/nginx/blobs/{layer}"), &[], b"").body, "abcdef");
    assert_eq!(ask(&mut images, "GET", "/v2/library/nginx/tags/list", &[], b"").value()["tags"], json!(["test"]));
    assert_eq!(status(&ask(&mut images, "DELETE", "/v2/library/nginx/manifests/test", &[], b"")), 202);
    assert_eq!(code(&ask(&mut images, "GET", "/v2/library/nginx/manifests/test", &[], b"")), "MANIFEST_UNKNOWN");
}

#[test]
fn what_is_wrong_is_refused_with_its_code() {
    let mut images = Images::default();
    let layer = push(&mut images, "a/b", b"abc");
    let wrong = ask(&mut images, "POST", "/v2/a/b/blobs/uploads/?digest=sha256:00", &[], b"abc");
    assert_eq!((status(&wrong), code(&wrong)), (400, "DIGEST_INVALID".into()));
    let text = manifest(&layer, "sha256:none");
    let media = [("content-type", "application/vnd.oci.image.manifest.v1+json")];
    assert_eq!(code(&ask(&mut images, "PUT", "/v2/a/b/manifests/x", &media, text.as_bytes())), "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(
        code(&ask(&mut images, "PUT", "/v2/a/b/manifests/x", &[("content-type", "text/plain")], text.as_bytes())),
        "MANIFEST_INVALID"
    );
    assert_eq!(code(&ask(&mut images, "PUT", "/v2/a/b/manifests/x", &media, b"no")), "MANIFEST_INVALID");
    assert_eq!(code(&ask(&mut images, "GET", "/v2/none/here/tags/list", &[], b"")), "NAME_UNKNOWN");
    assert_eq!(code(&ask(&mut images, "GET", "/v2/A/tags/list", &[], b"")), "NAME_INVALID");
    assert_eq!(code(&ask(&mut images, "GET", "/v2/a/b/blobs/sha256:1", &[], b"")), "BLOB_UNKNOWN");
    assert_eq!(code(&ask(&mut images, "PUT", "/v2/a/b/blobs/uploads/none?digest=x", &[], b"")), "BLOB_UPLOAD_UNKNOWN");
    assert_eq!(code(&ask(&mut images, "GET", "/v2/secret/b/tags/list", &[], b"")), "UNAUTHORIZED");
}

#[test]
fn a_blob_is_mounted_from_another_repository() {
    let mut images = Images::default();
    let layer = push(&mut images, "a/b", b"abc");
    let mounted = ask(&mut images, "POST", &format!("/v2/c/d/blobs/uploads/?mount={layer}&from=a/b"), &[], b"");
    assert_eq!(status(&mounted), 201);
    assert_eq!(ask(&mut images, "GET", &format!("/v2/c/d/blobs/{layer}"), &[], b"").body, "abc");
    let other = ask(&mut images, "POST", &format!("/v2/c/d/blobs/uploads/?mount={layer}&from=secret/b"), &[], b"");
    assert_eq!(status(&other), 202, "an upload begins");
    assert_eq!(status(&ask(&mut images, "DELETE", &format!("/v2/a/b/blobs/{layer}"), &[], b"")), 202);
    assert_eq!(
        status(&ask(&mut images, "HEAD", &format!("/v2/c/d/blobs/{layer}"), &[], b"")),
        200,
        "it is still linked there"
    );
}

#[test]
fn tags_come_in_pages() {
    let mut images = Images::default();
    let body = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [] })
        .to_string();
    for tag in ["a", "b", "c"] {
        let media = [("content-type", "application/vnd.oci.image.index.v1+json")];
        ask(&mut images, "PUT", &format!("/v2/x/manifests/{tag}"), &media, body.as_bytes());
    }
    let page = ask(&mut images, "GET", "/v2/x/tags/list?n=2", &[], b"");
    assert_eq!(
        (&page.value()["tags"], page.headers["link"].as_str()),
        (&json!(["a", "b"]), "</v2/x/tags/list?n=2&last=b>; rel=\"next\"")
    );
    assert_eq!(ask(&mut images, "GET", "/v2/x/tags/list?n=2&last=b", &[], b"").value()["tags"], json!(["c"]));
}
