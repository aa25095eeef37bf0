//! OpenAPI version 2 in protobuf: the messages that clients of Kubernetes read, as far as definitions need them.
//!
//! Source: google/gnostic-models `openapiv2/OpenAPIv2.proto`.

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct Document {
    #[prost(string, tag = "1")]
    pub(super) swagger: String,
    #[prost(message, optional, tag = "2")]
    pub(super) info: Option<Info>,
    #[prost(message, optional, tag = "9")]
    pub(super) definitions: Option<Definitions>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct Info {
    #[prost(string, tag = "1")]
    pub(super) title: String,
    #[prost(string, tag = "2")]
    pub(super) version: String,
}

/// Definitions, and properties, which have the same form.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct Definitions {
    #[prost(message, repeated, tag = "1")]
    pub(super) all: Vec<NamedSchema>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct NamedSchema {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<Schema>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct Schema {
    #[prost(string, tag = "1")]
    pub(super) reference: String,
    #[prost(string, tag = "2")]
    pub(super) format: String,
    #[prost(string, tag = "4")]
    pub(super) description: String,
    #[prost(string, repeated, tag = "19")]
    pub(super) required: Vec<String>,
    #[prost(message, repeated, tag = "20")]
    pub(super) choices: Vec<Any>,
    #[prost(message, optional, tag = "21")]
    pub(super) additional: Option<Additional>,
    #[prost(message, optional, tag = "22")]
    pub(super) of: Option<Types>,
    #[prost(message, optional, tag = "23")]
    pub(super) items: Option<Items>,
    #[prost(message, optional, tag = "25")]
    pub(super) properties: Option<Definitions>,
    #[prost(message, repeated, tag = "31")]
    pub(super) extensions: Vec<NamedAny>,
}

/// The shape of a map's values, or whether there may be any.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct Additional {
    #[prost(message, optional, boxed, tag = "1")]
    pub(super) schema: Option<Box<Schema>>,
    #[prost(bool, optional, tag = "2")]
    pub(super) any: Option<bool>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct Types {
    #[prost(string, repeated, tag = "1")]
    pub(super) names: Vec<String>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct Items {
    #[prost(message, repeated, tag = "1")]
    pub(super) all: Vec<Schema>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct NamedAny {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) value: Option<Any>,
}

/// A value as YAML; JSON is.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct Any {
    #[prost(string, tag = "2")]
    pub(super) yaml: String,
}
