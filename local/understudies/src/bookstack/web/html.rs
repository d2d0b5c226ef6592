//! Pages, as far as a client without a screen reads them.

use crate::shared::text::escape;

/// A page of the website. `notice` is what the last request left to be told.
pub(in crate::bookstack) fn page(title: &str, notice: Option<&str>, content: &str) -> String {
    let notice = escape(notice.unwrap_or_default());
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
         <title>{title} | BookStack</title></head>\n<body>\n\
         <div component=\"notification\" option:notification:type=\"error\" \
         class=\"notification neg\" role=\"alert\"><span>{notice}</span></div>\n\
         <main>\n{content}\n</main>\n</body>\n</html>\n",
        title = escape(title),
    )
}

/// A page for an error, without a session.
pub(in crate::bookstack) fn error_page(title: &str, message: &str) -> String {
    let content = format!("<h1>{}</h1>\n<p>{}</p>", escape(title), escape(message));
    page(title, None, &content)
}

/// A form that posts with the session's token.
pub(in crate::bookstack) fn form(id: &str, action: &str, token: &str, fields: &str) -> String {
    format!(
        "<form id=\"{id}\" action=\"{}\" method=\"POST\">\n\
         <input type=\"hidden\" name=\"_token\" value=\"{}\">\n{fields}\n</form>",
        escape(action),
        escape(token),
    )
}

/// A text input with a label.
pub(in crate::bookstack) fn input(kind: &str, name: &str, label: &str) -> String {
    format!("<label for=\"{name}\">{label}</label><input type=\"{kind}\" name=\"{name}\">")
}

/// A submit button.
pub(in crate::bookstack) fn button(label: &str) -> String {
    format!("<button class=\"button\">{}</button>", escape(label))
}
