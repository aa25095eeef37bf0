//! Who may do what: `kubectl auth`, tokens, and users that are impersonated.

use super::Both;

#[test]
#[ignore = "needs the real clusters"]
fn real_auth_can_i() {
    let both = Both::new("can-i");
    both.well(&["auth", "can-i", "get", "pods"]);
    both.same(&["auth", "can-i", "get", "pods", "--as", "bob"]);
    both.same(&["auth", "can-i", "get", "/nonesuch", "--as", "bob"]);
    both.well(&["auth", "can-i", "get", "/version", "--as", "bob"]);
    both.each(|k| {
        k.ok(&["create", "role", "reader", "--verb=get,list", "--resource=pods,pods/log"]);
        k.ok(&["create", "rolebinding", "reader", "--role=reader", "--user=bob", "--group=devs"]);
    });
    both.well(&["auth", "can-i", "list", "pods", "--as", "bob"]);
    both.well(&["auth", "can-i", "get", "pods", "--subresource=log", "--as", "eve", "--as-group", "devs"]);
    both.same(&["auth", "can-i", "delete", "pods", "--as", "bob"]);
    both.same(&["auth", "can-i", "list", "pods", "--as", "bob", "-A"]);
    both.well(&["get", "pods", "--as", "bob"]);
    both.same(&["get", "secrets", "--as", "bob"]);
    both.same(&["get", "nodes", "--as", "bob"]);
    both.same(&["delete", "pod", "nonesuch", "--as", "bob"]);
    both.same(&["get", "--raw", "/metrics", "--as", "bob"]);
}

#[test]
#[ignore = "needs the real clusters"]
fn real_auth_can_i_list() {
    let both = Both::new("can-i-list");
    // The right to ask who one is came with 1.28, and two more addresses of keys with 1.22.
    let old = |text: &str| -> String {
        let new = ["selfsubjectreviews", "/.well-known/openid-configuration/", "/openid/v1/jwks/"];
        let kept = text.lines().filter(|line| {
            !new.iter().any(|one| line.contains(&format!("{one}]")) || line.contains("selfsubjectreviews"))
        });
        super::normal(&kept.map(|line| format!("{line}\n")).collect::<String>())
    };
    for who in [&["--as", "bob"][..], &[], &["--as", "system:serviceaccount:kube-system:default"]] {
        let args = [&["auth", "can-i", "--list"], who].concat();
        assert_eq!(old(&both.lab.ok(&args)), old(&both.real.ok(&args)), "{who:?}");
    }
}

#[test]
#[ignore = "needs the real clusters"]
fn real_auth_whoami_and_tokens() {
    let both = Both::new("tokens");
    let lab = &both.lab;
    let who = lab.ok(&["auth", "whoami"]);
    assert!(who.contains("kubernetes-admin") && who.contains("[system:masters system:authenticated]"), "{who}");
    let other = lab.ok(&["auth", "whoami", "--as", "bob", "--as-group", "devs"]);
    assert!(other.contains("bob") && other.contains("[devs system:authenticated]"), "{other}");
    lab.ok(&["create", "serviceaccount", "robot"]);
    lab.ok(&[
        "create",
        "rolebinding",
        "robot",
        "--clusterrole=view",
        &format!("--serviceaccount={}:robot", lab.namespace),
    ]);
    let token = lab.ok(&["create", "token", "robot"]);
    // A kubeconfig with nothing but the token.
    let dir = tempfile::tempdir().expect("a folder");
    let mut config: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&lab.kubeconfig).expect("a kubeconfig")).expect("JSON");
    for user in config["users"].as_array_mut().expect("users") {
        user["user"] = serde_json::json!({ "token": token.trim() });
    }
    let file = dir.path().join("kubeconfig");
    std::fs::write(&file, config.to_string()).expect("written");
    let robot = super::Kubectl { kubeconfig: file.clone(), namespace: lab.namespace.clone() };
    let who = robot.ok(&["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"]);
    assert_eq!(who, format!("system:serviceaccount:{}:robot", lab.namespace));
    robot.ok(&["get", "pods"]);
    let refused = robot.run(&["get", "secrets"]);
    let words = format!(
        "Error from server (Forbidden): secrets is forbidden: User \"{who}\" cannot list resource \"secrets\" in API group \"\" in \
         the namespace \"{}\"\n",
        lab.namespace
    );
    assert_eq!((refused.err, refused.code), (words, 1));
    lab.ok(&["delete", "serviceaccount", "robot"]);
    let unknown = robot.run(&["get", "pods"]);
    assert!(unknown.err.contains("You must be logged in to the server") && unknown.code == 1, "{}", unknown.all());
}
