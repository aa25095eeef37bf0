//! What `pb doctor` says and how it exits, on configurations of the test's own.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use crate::config::{Declared, Overrides, Value, load};

struct Case {
    folder: tempfile::TempDir,
    environment: Environment,
}

fn case(toml: &str) -> Case {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bin");
    std::fs::create_dir(&path).expect("a folder");
    std::fs::write(folder.path().join("pb.toml"), toml).expect("written");
    let variables = [("PATH".to_string(), path.display().to_string())].into();
    let environment = Environment { dir: folder.path().into(), home: None, variables };
    Case { folder, environment }
}

impl Case {
    fn install(&self, tool: &str, mode: u32) {
        let file = self.folder.path().join("bin").join(tool);
        std::fs::write(&file, "").expect("written");
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).expect("set");
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.folder.path().join(path), text).expect("written");
    }

    fn doctor(&self, line: &[&str], wrong: impl Fn(&Config) -> Vec<Error>) -> (u8, String) {
        let args = parse(line);
        let config = load(&Overrides::default(), &self.environment).map(Arc::new);
        let wrong_settings = config.as_deref().map(wrong).unwrap_or_default();
        let known = Known { config, wrong_settings, playbooks: None };
        let mut out = Vec::new();
        let runtime = crate::host::testing::runtime().handle();
        let code = tell(&args, known, &self.environment, runtime, Ui::plain(), &mut out).expect("written");
        let folder = self.folder.path().display().to_string();
        (code, String::from_utf8(out).expect("text").replace(&folder, "DIR"))
    }
}

fn parse(line: &[&str]) -> Args {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }
    <Line as clap::Parser>::parse_from([&["doctor"], line].concat()).args
}

fn nothing(_: &Config) -> Vec<Error> {
    Vec::new()
}

const TWO: &str = "[clusters.infra]\nkubeconfig = \"kubeconfig\"\n[clusters.apps]\nkubeconfig = \"kubeconfig\"\n";

/// A kubeconfig whose context `infra` points at this address.
fn kubeconfig(server: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]\n\
         users: [{{name: u, user: {{}}}}]\ncontexts: [{{name: infra, context: {{cluster: c, user: u}}}}]\n"
    )
}

#[test]
fn offline_it_tells_what_is_configured_and_installed() {
    let case = case(
        "[networks]\n\"10.0.0.0/8\" = \"socks5://h:1\"\n[settings]\n\"t5.router\" = \"edge-1\"\n\
         [clusters.infra.settings]\nbgp_asn = 64512\n[hosts.a]\n\
         [endpoints.web]\nurl = \"http://10.0.0.1/x\"\n",
    );
    case.install("git", 0o755);
    case.install("flux", 0o644);
    let (code, text) = case.doctor(&["--offline"], nothing);
    assert_eq!(code, 0, "{text}");
    for line in [
        "    pb.toml  DIR/pb.toml\n",
        "    profile  none\n",
        "    record   DIR/.pb/runs\n",
        "    network  10.0.0.0/8 through socks5://h:1\n",
        "    t5.router  pb.toml                  \"edge-1\"\n",
        "    bgp_asn    pb.toml (cluster infra)  64512\n",
        "✓ git DIR/bin/git the state of the manifests' repository\n",
        "– flux not on PATH flux build, and looking at sources by hand\n",
        "infra context infra\n",
        "a a\n",
        "web http://10.0.0.1/x\n",
        "The configuration is right; nobody was asked whether it answers.\n",
    ] {
        // The columns' widths depend on the folder of the test.
        let squeezed: Vec<String> = text.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let wanted = line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeezed.contains(&wanted), "{wanted}\nis not in\n{text}");
    }
}

#[test]
fn a_wrong_configuration_is_2_with_every_problem() {
    let (code, text) = case("recrod = 1\n[hosts.a]\nprot = 3\n").doctor(&[], nothing);
    assert_eq!(code, 2);
    assert!(text.contains("  ✗ pb.toml has no key \"recrod\"\n      pb.toml:1:1  recrod = 1\n"), "{text}");
    assert!(text.contains("      → did you mean \"port\"?\n"), "{text}");
    assert!(text.ends_with("The configuration is wrong.\n"), "{text}");
}

#[test]
fn a_setting_that_nobody_declares_is_2() {
    let declared = [Declared { playbook: "t5".into(), name: "router".into(), default: Some(Value::Int(1)) }];
    let (code, text) =
        case("[settings]\nruoter = 1\n").doctor(&["--offline"], |config| config.settings.check(&declared));
    assert_eq!(code, 2);
    assert!(text.contains("✗ settings  [settings]: no playbook declares a setting ruoter\n"), "{text}");
}

#[test]
fn an_unknown_context_is_2_and_an_unreachable_server_3() {
    let case = case(TWO);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let refused = silent.local_addr().expect("an address");
    drop(silent);
    case.write("kubeconfig", &kubeconfig(&format!("http://{refused}")));
    let (code, text) = case.doctor(&[], nothing);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("no context \"apps\" in DIR/kubeconfig (it has: infra)"), "{text}");
    assert!(text.contains(&refused.to_string()), "{text}");
    case.write("pb.toml", TWO.split("[clusters.apps]").next().expect("the first"));
    let (code, text) = case.doctor(&[], nothing);
    assert_eq!(code, 3, "{text}");
    assert!(text.ends_with("Something that is configured can't be reached.\n"), "{text}");
}

#[test]
fn a_server_that_says_nothing_is_given_up_at_the_deadline() {
    let case = case(TWO.split("[clusters.apps]").next().expect("the first"));
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    case.write("kubeconfig", &kubeconfig(&format!("http://{}", silent.local_addr().expect("an address"))));
    let (code, text) = case.doctor(&["--timeout", "50ms"], nothing);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("  ✗ infra  context infra  no answer within 50ms\n"), "{text}");
}

#[cfg(feature = "lab")]
#[test]
fn machines_tell_their_version_and_one_that_is_down_is_named() {
    use crate::lab::talos::{Power, tests::Lab};
    let lab = crate::host::testing::runtime().block_on(Lab::new());
    drop(lab.admin());
    let file = lab.folder.path().join("talosconfig");
    let case = case(&format!("[clusters.infra]\nkubeconfig = \"kubeconfig\"\ntalosconfig = \"{}\"\n", file.display()));
    let (_, text) = case.doctor(&[], nothing);
    assert!(text.contains("  ✓ infra  talos context infra  v1.11.2, 3 nodes, all answer"), "{text}");
    assert!(lab.talos.change("infra-02", |machine| machine.power = Power::Off));
    let (code, text) = case.doctor(&[], nothing);
    assert_eq!(code, 2, "the kubeconfig is not there: {text}");
    assert!(text.contains("node 10.25.11.12") && text.contains("2 of 3 nodes answered"), "{text}");
    let (_, text) = case.doctor(&["--offline"], nothing);
    assert!(text.contains("    infra  talos context infra\n"), "{text}");
}

#[test]
fn op_is_missed_only_where_a_secret_needs_it() {
    let with_secret = case("[hosts.a]\npassphrase = \"op://v/i/f\"\n");
    let (code, text) = with_secret.doctor(&["--offline"], nothing);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("pb.toml names secrets as op://…\n"), "{text}");
    with_secret.install("op", 0o755);
    assert_eq!(with_secret.doctor(&["--offline"], nothing).0, 0);
}

#[test]
#[ignore = "needs the real clusters"]
fn real_clusters_tell_version_and_nodes() {
    assert!(Path::new("/var/tmp/realkube/kubeconfig").exists());
    let toml = "[clusters.infra]\nkubeconfig = \"/var/tmp/realkube/kubeconfig\"\n";
    let (code, text) = case(toml).doctor(&[], nothing);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(", v1.20.") && text.contains("1 node, Ready"), "{text}");
}

#[test]
#[ignore = "needs the real router"]
fn real_router_lets_in_who_has_the_key() {
    let host = |user: &str| {
        format!(
            "[clusters.infra]\nkubeconfig = \"/var/tmp/realkube/kubeconfig\"\n[hosts.edge-1]\naddress = \"10.99.0.1\"\n\
             user = \"{user}\"\nkey = \"/var/tmp/pbrouter/id_ed25519\"\nknown_hosts = \"/var/tmp/pbrouter/known_hosts\"\n"
        )
    };
    let (code, text) = case(&host("netops")).doctor(&[], nothing);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("logged in as netops@10.99.0.1:22"), "{text}");
    let (code, text) = case(&host("nobody-else")).doctor(&[], nothing);
    assert_eq!(code, 3, "{text}");
}

/// An HTTP server that gives this status to `requests` requests, one a connection.
fn server(status: &'static str, requests: usize) -> String {
    use std::io::Read;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().take(requests) {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    url
}

#[test]
fn an_endpoint_that_answers_is_well_unless_it_refuses_or_breaks() {
    for (status, code, told) in [
        ("200 OK", 0, "HTTP status 200"),
        ("404 Not Found", 0, "HTTP status 404"),
        ("302 Found", 0, "HTTP status 302"),
        ("401 Unauthorized", 3, "it answers with HTTP status 401"),
        ("503 Service Unavailable", 3, "it answers with HTTP status 503"),
    ] {
        let world = world(
            &Arc::new(Config {
                endpoints: [(
                    "web".into(),
                    crate::config::Endpoint { url: Some(server(status, 1)), ..Default::default() },
                )]
                .into(),
                ..Config::default()
            }),
            crate::host::testing::runtime().handle(),
        );
        let (sections, got) = crate::host::testing::runtime().block_on(probe::all(&world, Duration::from_secs(5)));
        let text = view::show(&sections, "", Ui::plain());
        assert_eq!(got, code, "{status}: {text}");
        assert!(text.contains(told), "{status}: {text}");
    }
}

#[test]
fn a_broken_playbook_is_2_and_named() {
    let case = case("");
    let doctor = || {
        let mut out = Vec::new();
        let code = run(&parse(&["--offline"]), &case.environment, &mut out).expect("written");
        (code, String::from_utf8(out).expect("text"))
    };
    let (_, text) = doctor();
    assert!(text.contains("steps, ") && text.contains("nothing wrong"), "{text}");
    std::fs::create_dir(case.folder.path().join("playbooks")).expect("a folder");
    case.write("playbooks/mine.rhai", "playbook(#{ id: \"mine\" });\nstep(\"a\", #{}, |t| { expekt(1); });\n");
    let (code, text) = doctor();
    assert_eq!(code, 2, "{text}");
    for part in ["1 error", "there is no function \"expekt\"", "mine.rhai:2", "Playbooks are wrong"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
