//! The messages of Talos' machine API, with the field numbers of `api/machine/machine.proto`, `api/cluster/cluster.proto`
//! and `api/common/common.proto` of Talos 1.11. Fields that are not named here are skipped when they come.

mod common;
mod etcd;
mod health;
mod machine;
mod service;

pub(crate) use common::*;
pub(crate) use etcd::*;
pub(crate) use health::*;
pub(crate) use machine::*;
pub(crate) use service::*;

/// Makes the answer of a call: one message for each node that was asked, which is one, since `node` names one.
macro_rules! answers {
    ($($answer:ident of $message:ident),+ $(,)?) => {$(
        #[derive(Clone, PartialEq, ::prost::Message)]
        pub(crate) struct $answer {
            #[prost(message, repeated, tag = "1")]
            pub(crate) messages: Vec<$message>,
        }

        impl $crate::client::talos::wire::Messages for $answer {
            type Message = $message;

            fn messages(self) -> Vec<$message> {
                self.messages
            }
        }

        impl From<$message> for $answer {
            fn from(message: $message) -> Self {
                Self { messages: vec![message] }
            }
        }

        impl $crate::client::talos::wire::Answer for $message {
            fn metadata(&self) -> Option<&$crate::client::talos::wire::Metadata> {
                self.metadata.as_ref()
            }
        }
    )+};
}
use answers;

/// The calls by their paths.
pub(crate) mod path {
    /// Machines' own calls.
    macro_rules! machine {
        ($($name:ident $method:literal),+ $(,)?) => {
            $(pub(crate) const $name: &str = concat!("/machine.MachineService/", $method);)+
        };
    }
    machine! {
        VERSION "Version", HOSTNAME "Hostname", MEMORY "Memory", LOAD "LoadAvg", SYSTEM "SystemStat",
        SERVICES "ServiceList", MEMBERS "EtcdMemberList", ETCD_STATUS "EtcdStatus", ALARMS "EtcdAlarmList",
        KUBECONFIG "Kubeconfig", DMESG "Dmesg", LOGS "Logs",
    }
    /// A cluster's call.
    pub(crate) const HEALTH: &str = "/cluster.ClusterService/HealthCheck";
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn fields_have_the_numbers_of_talos_and_unknown_ones_are_skipped() {
        // As protoc encodes it: messages { metadata { hostname: "a" } member_status { leader: 7 member_id: 8
        // field 99: "new" } }
        let bytes = [
            0x0a, 0x10, 0x0a, 0x03, 0x0a, 0x01, b'a', 0x12, 0x09, 0x20, 0x07, 0x50, 0x08, 0x9a, 0x06, 0x02, b'n', b'w',
        ];
        let answer = EtcdStatusResponse::decode(bytes.as_slice()).expect("understood");
        let [status] = answer.messages.as_slice() else { panic!("{answer:?}") };
        assert_eq!(status.metadata.as_ref().map(|m| m.hostname.as_str()), Some("a"));
        let member = status.member_status.as_ref().expect("a member");
        assert_eq!((member.leader, member.member_id), (7, 8));
    }

    #[test]
    fn health_and_logs_are_encoded_as_talos_reads_them() {
        let info = ClusterInfo { control_plane_nodes: vec!["a".into()], ..ClusterInfo::default() };
        let wait = Duration { seconds: 2, nanos: 0 };
        let request = HealthCheckRequest { wait_timeout: Some(wait), cluster_info: Some(info) };
        assert_eq!(request.encode_to_vec(), [0x0a, 0x02, 0x08, 0x02, 0x12, 0x03, 0x0a, 0x01, b'a']);
        let logs = LogsRequest { namespace: "s".into(), id: "e".into(), tail_lines: -1, ..LogsRequest::default() };
        let end = [0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(logs.encode_to_vec(), [&[0x0a, 0x01, b's', 0x12, 0x01, b'e'][..], &end].concat());
    }
}
