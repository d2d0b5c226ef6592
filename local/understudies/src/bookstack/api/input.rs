//! What a call brings: JSON, a form, or a form with files.

use std::collections::BTreeMap;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{StatusCode, header};
use serde_json::{Map, Value};

use super::REQUEST_BYTES_MAX;
use super::answer::ApiError;
use crate::shared::text::params;

/// A file of a form.
pub(super) struct Upload {
    pub(super) file_name: String,
    pub(super) bytes: Bytes,
}

impl Upload {
    /// Lower-case letters and digits after the last dot of the file's name.
    pub(super) fn extension(&self) -> String {
        let extension = self
            .file_name
            .rsplit_once('.')
            .map_or("", |(_, extension)| extension);
        extension
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_lowercase()
    }
}

/// Fields and files.
#[derive(Default)]
pub(super) struct Input {
    pub(super) fields: Map<String, Value>,
    files: BTreeMap<String, Upload>,
}

impl Input {
    /// A field as text, unless it is absent, null or empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.fields.get(name)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A field as a number.
    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        match self.fields.get(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// A name: required, and at most 255 characters.
    pub(super) fn name(&self) -> Result<String, ApiError> {
        let name = self
            .text("name")
            .ok_or_else(|| ApiError::required("name"))?;
        if name.chars().count() > 255 {
            let words = "The name may not be greater than 255 characters.";
            return Err(ApiError::invalid("name", words));
        }
        Ok(name)
    }

    /// A file.
    pub(super) fn file(&self, name: &str) -> Option<&Upload> {
        self.files.get(name)
    }
}

fn unreadable(error: impl std::fmt::Display) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, error.to_string())
}

impl<S: Send + Sync> FromRequest<S> for Input {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        if kind.starts_with("multipart/form-data") {
            let form = Multipart::from_request(request, state)
                .await
                .map_err(unreadable)?;
            return from_multipart(form).await;
        }
        let bytes = to_bytes(request.into_body(), REQUEST_BYTES_MAX)
            .await
            .map_err(unreadable)?;
        // A body that is no JSON object has no fields: what is required is then missing.
        let fields = if kind.starts_with("application/x-www-form-urlencoded") {
            let pairs = params(&String::from_utf8_lossy(&bytes)).into_iter();
            pairs
                .map(|(name, value)| (name, Value::from(value)))
                .collect()
        } else {
            serde_json::from_slice(&bytes).unwrap_or_default()
        };
        Ok(Self {
            fields,
            files: BTreeMap::new(),
        })
    }
}

async fn from_multipart(mut form: Multipart) -> Result<Input, ApiError> {
    let mut input = Input::default();
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().map(ToOwned::to_owned);
        let bytes = field.bytes().await.map_err(unreadable)?;
        match file_name {
            Some(file_name) => {
                input.files.insert(name, Upload { file_name, bytes });
            }
            None => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                input.fields.insert(name, Value::from(text));
            }
        }
    }
    Ok(input)
}
