//! One field that is refused, and why: the causes of a 422.

use serde_json::Value;

/// Why a field is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Required,
    Invalid,
    NotSupported,
    Duplicate,
    Forbidden,
    TooLong,
    NotFound,
}

impl Why {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::NotFound => "FieldValueNotFound",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Duplicate => "Duplicate value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::NotFound => "Not found",
        }
    }
}

/// One field that is refused, and why.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    pub(crate) why: Why,
    /// `spec.containers[0].name`.
    pub(crate) field: String,
    /// The value, as the message shows it; `None` where it shows none.
    pub(crate) value: Option<String>,
    pub(crate) detail: String,
}

impl Fault {
    pub(crate) fn required(field: impl Into<String>) -> Self {
        Self { why: Why::Required, field: field.into(), value: None, detail: String::new() }
    }

    pub(crate) fn invalid(field: impl Into<String>, value: &Value, detail: impl Into<String>) -> Self {
        Self { why: Why::Invalid, field: field.into(), value: Some(value.to_string()), detail: detail.into() }
    }

    pub(crate) fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { why: Why::Forbidden, field: field.into(), value: None, detail: detail.into() }
    }

    pub(crate) fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self { why: Why::Duplicate, field: field.into(), value: Some(value.to_string()), detail: String::new() }
    }

    pub(crate) fn unsupported(field: impl Into<String>, value: &Value, known: &[&str]) -> Self {
        let known: Vec<String> = known.iter().map(|k| format!("\"{k}\"")).collect();
        let detail = format!("supported values: {}", known.join(", "));
        Self { why: Why::NotSupported, field: field.into(), value: Some(value.to_string()), detail }
    }

    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    pub(super) fn body(&self) -> String {
        let mut text = self.why.words().to_owned();
        if let Some(value) = &self.value {
            text.push_str(": ");
            text.push_str(value);
        }
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&self.detail);
        }
        text
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}
