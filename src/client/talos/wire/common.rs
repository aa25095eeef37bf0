//! What all answers of the machine API have in common.

/// No arguments, or nothing to say.
#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub(crate) struct Empty {}

/// About a node's answer, where several were asked at once.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct Metadata {
    #[prost(string, tag = "1")]
    pub(crate) hostname: String,
    /// Set where the node failed; the rest of its message says nothing then.
    #[prost(string, tag = "2")]
    pub(crate) error: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) status: Option<Status>,
}

/// `google.rpc.Status`
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct Status {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
}

/// A piece of a stream of bytes.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(crate) struct Data {
    #[prost(message, optional, tag = "1")]
    pub(crate) metadata: Option<Metadata>,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) bytes: bytes::Bytes,
}

impl Answer for Data {
    fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }
}

/// `google.protobuf.Duration`
#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub(crate) struct Duration {
    #[prost(int64, tag = "1")]
    pub(crate) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(crate) nanos: i32,
}

impl From<std::time::Duration> for Duration {
    fn from(span: std::time::Duration) -> Self {
        let nanos = i32::try_from(span.subsec_nanos()).unwrap_or_default();
        Self { seconds: i64::try_from(span.as_secs()).unwrap_or(i64::MAX), nanos }
    }
}

impl From<Duration> for std::time::Duration {
    /// A negative span is none.
    fn from(span: Duration) -> Self {
        let nanos = u32::try_from(span.nanos).unwrap_or_default();
        u64::try_from(span.seconds).map_or(Self::ZERO, |seconds| Self::new(seconds, nanos.min(999_999_999)))
    }
}

/// `google.protobuf.Timestamp`
#[derive(Clone, Copy, PartialEq, ::prost::Message)]
pub(crate) struct Timestamp {
    #[prost(int64, tag = "1")]
    pub(crate) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(crate) nanos: i32,
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(at: jiff::Timestamp) -> Self {
        Self { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
    }
}

impl Timestamp {
    /// None where it lies beyond what can be told.
    pub(crate) fn time(self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::new(self.seconds, self.nanos).ok()
    }
}

/// An answer of one node.
pub(crate) trait Answer {
    /// Where it may stand that the node failed.
    fn metadata(&self) -> Option<&Metadata>;
}

/// The answers of the nodes that were asked.
pub(crate) trait Messages {
    /// One of them.
    type Message: Answer;

    /// All of them.
    fn messages(self) -> Vec<Self::Message>;
}
