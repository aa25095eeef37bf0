//! Data modules: formats, text, numbers, files and time. Pure ones work at the top level of a playbook too.

pub(crate) mod base64;
pub(crate) mod file;
pub(crate) mod hash;
pub(crate) mod jq;
pub(crate) mod json;
mod lazy;
pub(crate) mod net;
pub(crate) mod prom;
pub(crate) mod regex;
pub(crate) mod stats;
pub(crate) mod table;
pub(crate) mod time;
mod unique;
pub(crate) mod yaml;

pub(crate) use lazy::{from_text, from_value};
