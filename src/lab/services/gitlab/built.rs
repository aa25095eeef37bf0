//! What a pipeline has built: the image that its file pushes is in Harbor once the pipeline is a success.

use serde_json::json;

use super::Project;
use crate::lab::services::oci::{self, Images, Manifest};

/// The flags before the name of an image that is pushed: of kaniko, of buildah and docker.
const FLAGS: [&str; 3] = ["--destination", "push", "-t"];
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The image that a project's file pushes, with its variables filled in: repository and tag. None where it pushes none
/// into Harbor.
pub(super) fn destination(project: &Project, sha: &str) -> Option<(String, String)> {
    let file = filled(project, sha, project.files.get(".gitlab-ci.yml")?);
    let words: Vec<&str> = file.split_whitespace().map(|word| word.trim_matches(['"', '\''])).collect();
    let name = words.windows(2).find_map(|pair| {
        let joined = pair[1].strip_prefix("--destination=");
        joined.or_else(|| (FLAGS.contains(&pair[0]) && pair[1].contains('/')).then_some(pair[1]))
    })?;
    let (host, rest) = name.split_once('/')?;
    if !host.starts_with("harbor.") {
        return None;
    }
    let (repository, tag) = rest.split_once(':').unwrap_or((rest, "latest"));
    Some((repository.to_owned(), tag.to_owned()))
}

/// A text with a pipeline's variables.
fn filled(project: &Project, sha: &str, text: &str) -> String {
    let short = sha.get(..8).unwrap_or(sha);
    let own = [("CI_COMMIT_SHORT_SHA", short), ("CI_COMMIT_SHA", sha), ("CI_PROJECT_PATH", project.path.as_str())];
    let given = project.variables.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    // Longer names first, so that none is taken for the beginning of another.
    let mut all: Vec<(&str, &str)> = own.into_iter().chain(given).collect();
    all.sort_by_key(|(key, _)| std::cmp::Reverse(key.len()));
    all.into_iter().fold(text.to_owned(), |text, (key, value)| {
        text.replace(&format!("${{{key}}}"), value).replace(&format!("${key}"), value)
    })
}

/// Puts an image there, of which nothing is known but the commit; whether it was not there yet.
pub(super) fn put(images: &mut Images, (repository, tag): &(String, String), sha: &str, now: jiff::Timestamp) -> bool {
    let layer = format!("built of {sha}\n").into_bytes();
    let config = json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [oci::digest(&layer)] } });
    let config = config.to_string().into_bytes();
    let part =
        |media: &str, bytes: &[u8]| json!({ "mediaType": media, "digest": oci::digest(bytes), "size": bytes.len() });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": part("application/vnd.oci.image.config.v1+json", &config),
        "layers": [part("application/vnd.oci.image.layer.v1.tar", &layer)],
    });
    let body = manifest.to_string().into_bytes();
    let digest = oci::digest(&body);
    if images.repositories.get(repository).is_some_and(|own| own.tags.get(tag) == Some(&digest)) {
        return false;
    }
    for blob in [layer, config] {
        if images.keep(repository, &oci::digest(&blob), blob.into()).is_err() {
            return false;
        }
    }
    let own = images.repositories.entry(repository.clone()).or_default();
    own.manifests.insert(digest.clone(), Manifest { media: MANIFEST.into(), body: body.into(), pushed: now });
    own.tags.insert(tag.clone(), digest);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_the_one_that_the_file_pushes() {
        let file = "build:\n  script:\n    - /kaniko/executor --context . --destination $HARBOR/library/web:$CI_COMMIT_SHORT_SHA\n";
        let project = Project {
            path: "root/web".into(),
            files: [(".gitlab-ci.yml".to_owned(), file.to_owned())].into(),
            variables: [("HARBOR".to_owned(), "harbor.example.org".to_owned())].into(),
            ..Project::default()
        };
        let sha = "0123456789abcdef";
        let found = destination(&project, sha).unwrap();
        assert_eq!(found, ("library/web".to_owned(), "01234567".to_owned()));
        let mut images = Images::default();
        let now = jiff::Timestamp::UNIX_EPOCH;
        assert!(put(&mut images, &found, sha, now), "it is new");
        assert!(!put(&mut images, &found, sha, now), "it is there");
        assert!(images.repositories["library/web"].tags.contains_key("01234567"));
    }
}
