//! Folders that are built.

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = dir.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    dir
}

fn built(files: &[(&str, &str)]) -> Result<Vec<Value>, String> {
    let dir = folder(files);
    objects(&dir.path().join("top"), 0).map_err(|e| e.replace(&dir.path().display().to_string(), ""))
}

const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 1\n  template:\n    spec:\n      containers:\n        - name: web\n          image: nginx:1\n        - name: side\n          image: busybox\n---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: web\n";

#[test]
fn a_folder_is_built_with_all_that_its_file_changes() {
    let all = built(&[
        ("base/kustomization.yaml", "resources: [web.yaml]\n"),
        ("base/web.yaml", WEB),
        ("top/kustomization.yaml", "resources: [../base]\nnamespace: prod\nnamePrefix: a-\ncommonLabels: { team: x }\nimages:\n  - { name: nginx, newTag: \"2\" }\nreplicas:\n  - { name: web, count: 3 }\npatches:\n  - target: { kind: Deployment }\n    patch: |\n      - op: add\n        path: /metadata/annotations\n        value: { seen: \"yes\" }\n  - patch: |\n      kind: Deployment\n      metadata: { name: web }\n      spec: { template: { spec: { containers: [{ name: side, image: alpine }] } } }\nconfigMapGenerator:\n  - name: settings\n    literals: [a=1]\n    options: { disableNameSuffixHash: true }\n"),
    ])
    .unwrap();
    let web = &all[0];
    assert_eq!(
        (&web["metadata"]["name"], &web["metadata"]["namespace"], &web["spec"]["replicas"]),
        (&json!("a-web"), &json!("prod"), &json!(3))
    );
    assert_eq!(
        (&web["metadata"]["labels"]["team"], &web["metadata"]["annotations"]["seen"]),
        (&json!("x"), &json!("yes"))
    );
    let containers = &web["spec"]["template"]["spec"]["containers"];
    assert_eq!((&containers[0]["image"], &containers[1]["image"]), (&json!("nginx:2"), &json!("alpine")));
    assert_eq!(
        (&all[1]["metadata"]["name"], all[1]["metadata"].get("namespace")),
        (&json!("web"), None),
        "a namespace is in none"
    );
    assert_eq!(all[2]["data"], json!({ "a": "1" }));
}

#[test]
fn what_is_wrong_is_told_with_the_place() {
    for (files, why) in [
        (vec![("top/x.yaml", "")], "unable to find one of 'kustomization.yaml'"),
        (vec![("top/kustomization.yaml", "resources: [none.yaml]\n")], "no such file or directory"),
        (vec![("top/kustomization.yaml", "resorces: []\n")], "unknown field \"resorces\""),
        (vec![("top/kustomization.yaml", "# nothing\n")], "is empty"),
        (vec![("top/kustomization.yaml", "resources: [../top]\n")], "includes itself"),
        (vec![("top/kustomization.yaml", "resources: [a.yaml]\n"), ("top/a.yaml", "a: b\n")], "missing kind"),
        (vec![("top/kustomization.yaml", "resources: [a.yaml]\n"), ("top/a.yaml", "a: [b\n")], "MalformedYAMLError"),
    ] {
        let error = built(&files).expect_err(why);
        assert!(error.contains(why), "{error}");
    }
    let twice = folder(&[
        ("top/kustomization.yaml", "resources: [a.yaml, b.yaml]\n"),
        ("top/a.yaml", WEB),
        ("top/b.yaml", WEB),
    ]);
    assert!(
        build(&twice.path().join("top")).unwrap_err().contains("already registered id: Deployment.v1.apps/web.[noNs]")
    );
}
