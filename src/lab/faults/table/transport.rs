//! API servers and logins: what lies between the question and the answer.

use crate::lab::faults::fault::{Broken, Fault};
use crate::lab::faults::ground::Ground;
use crate::lab::world::{Cause, Wrong};

/// The API server of the first cluster is not as it should be.
fn api(ground: &Ground<'_>, wrong: Wrong) -> Result<Broken, String> {
    let cluster = ground.cluster()?;
    Ok(Broken::new(format!("API server of {cluster}"), &[cluster], vec![Cause::api(cluster, wrong)]))
}

/// The router is not as it should be.
fn router(ground: &Ground<'_>, cause: Cause) -> Broken {
    let router = &ground.topology().router;
    let address = router.address.to_string();
    Broken::new(format!("router {} ({address})", router.name), &[&router.name, &address], vec![cause])
}

pub(super) const ROWS: &[Fault] = &[
    Fault {
        name: "api-slow",
        about: "the API server answers each request three seconds late",
        risk: "R10",
        effect: "all is right, and takes long; short deadlines strike",
        wrong: |ground| api(ground, Wrong::Slow(3000)),
    },
    Fault {
        name: "api-too-many-requests",
        about: "the API server has too much to do, and says 429 with Retry-After",
        risk: "R10",
        effect: "each request is refused, to be tried again a second later",
        wrong: |ground| api(ground, Wrong::TooMany(1)),
    },
    Fault {
        name: "api-unavailable",
        about: "the API server is starting, and says 503 with Retry-After",
        risk: "R1",
        effect: "each request is refused, to be tried again two seconds later",
        wrong: |ground| api(ground, Wrong::Unavailable(2)),
    },
    Fault {
        name: "api-resets",
        about: "connections to the API server are reset in the middle of answers",
        risk: "—",
        effect: "lists break off; what came of them is no answer",
        wrong: |ground| api(ground, Wrong::Reset),
    },
    Fault {
        name: "api-watch-silent",
        about: "watches of the API server stay open, and tell nothing any more",
        risk: "—",
        effect: "who waits for a change by a watch alone waits in vain",
        wrong: |ground| api(ground, Wrong::SilentWatch),
    },
    Fault {
        name: "api-hangs",
        about: "the API server takes connections, and says nothing",
        risk: "R1",
        effect: "each request waits until its own deadline",
        wrong: |ground| api(ground, Wrong::Hangs),
    },
    Fault {
        name: "api-down",
        about: "nothing listens at the API server's port",
        risk: "R1",
        effect: "each connection is refused",
        wrong: |ground| api(ground, Wrong::Down),
    },
    Fault {
        name: "api-fails",
        about: "the API server answers 500: its etcd times out",
        risk: "R1",
        effect: "each request is answered with an internal error",
        wrong: |ground| api(ground, Wrong::Status(500)),
    },
    Fault {
        name: "client-certificate-expired",
        about: "the client certificate of the kubeconfig is past its end",
        risk: "—",
        effect: "the API server knows nobody: 401",
        wrong: |ground| api(ground, Wrong::Expired),
    },
    Fault {
        name: "ssh-hangs",
        about: "the router takes SSH connections, and says nothing",
        risk: "R7",
        effect: "a login waits until its own deadline; routes are as they were",
        wrong: |ground| Ok(router(ground, Cause::silent("router"))),
    },
    Fault {
        name: "ssh-refused",
        about: "nothing listens at the router's SSH port",
        risk: "R7",
        effect: "a login is refused; routes are as they were",
        wrong: |ground| Ok(router(ground, Cause::closed("router"))),
    },
    Fault {
        name: "ssh-host-key-changed",
        about: "the router shows another host key than is known",
        risk: "—",
        effect: "a careful client says no more than that",
        wrong: |ground| Ok(router(ground, Cause::HostKey)),
    },
    Fault {
        name: "ssh-command-hangs",
        about: "the router lets in, and never ends a command",
        risk: "R7",
        effect: "a command waits until its own deadline; routes are as they were",
        wrong: |ground| Ok(router(ground, Cause::Stuck)),
    },
];
