//! The OpenAPI document as a page for people.
//!
//! In: the document. Out: HTML with everything in it. Never: a script, or anything from another host.

use std::fmt::Write as _;

use serde_json::{Map, Value};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#1a1a2e}code{background:#f0f0f5;padding:.1em .3em;border-radius:3px}h3{margin-top:2.5rem}\
table{border-collapse:collapse;width:100%;margin:.5rem 0}td,th{border-top:1px solid #ddd;padding:.3rem .6rem;\
text-align:left;vertical-align:top}nav a{margin-right:1rem}summary{cursor:pointer}";

/// Writes the page.
#[must_use]
pub fn write(document: &Value) -> String {
    let mut page = Page(String::new());
    let title = text(&document["info"]["title"]);
    page.add(&format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><h1>{title} <small>{}</small></h1><p>{}</p>\
         <p>For programs: <a href=\"/v1/openapi.json\">/v1/openapi.json</a> (OpenAPI {}). Where a token is needed, send \
         <code>Authorization: Bearer sksv_...</code>.</p>",
        text(&document["info"]["version"]),
        words(&document["info"]["description"]),
        text(&document["openapi"]),
    ));
    let tags: Vec<&Value> = document["tags"].as_array().into_iter().flatten().collect();
    page.add("<nav>");
    for tag in &tags {
        let name = text(&tag["name"]);
        page.add(&format!("<a href=\"#tag-{name}\">{name}</a>"));
    }
    page.add("<a href=\"#schemas\">schemas</a></nav>");
    for tag in tags {
        page.tag(document, tag);
    }
    page.add("<h2 id=\"schemas\">Schemas</h2>");
    for (name, schema) in entries(&document["components"]["schemas"]) {
        page.schema(name, schema);
    }
    page.add("</body></html>\n");
    page.0
}

struct Page(String);

impl Page {
    fn add(&mut self, html: &str) {
        self.0.push_str(html);
    }

    fn tag(&mut self, document: &Value, tag: &Value) {
        let name = text(&tag["name"]);
        self.add(&format!(
            "<h2 id=\"tag-{name}\">{name}</h2><p>{}</p>",
            words(&tag["description"])
        ));
        for (path, item) in entries(&document["paths"]) {
            for (method, operation) in entries(item) {
                if operation["tags"][0] == tag["name"] {
                    self.operation(path, method, operation);
                }
            }
        }
    }

    fn operation(&mut self, path: &str, method: &str, operation: &Value) {
        let id = text(&operation["operationId"]);
        let open = operation["security"].as_array().is_some_and(Vec::is_empty);
        let token = if open {
            " <small>(no token)</small>"
        } else {
            ""
        };
        self.add(&format!(
            "<h3 id=\"{id}\"><code>{} {}</code>{token}</h3><p>{} {}</p>",
            method.to_uppercase(),
            escape(path),
            words(&operation["summary"]),
            words(&operation["description"]),
        ));
        let parameters = operation["parameters"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        if !parameters.is_empty() {
            self.add("<table><tr><th>parameter</th><th>in</th><th>type</th><th>meaning</th></tr>");
            for one in parameters {
                self.row(&[
                    format!(
                        "<code>{}</code>{}",
                        text(&one["name"]),
                        needed(one["required"] == true)
                    ),
                    text(&one["in"]),
                    kind(&one["schema"]),
                    words(&one["description"]),
                ]);
            }
            self.add("</table>");
        }
        let content = &operation["requestBody"]["content"];
        for (media, body) in entries(content) {
            self.add(&format!(
                "<p>Body: {} <small>{}</small></p>",
                kind(&body["schema"]),
                escape(media)
            ));
        }
        self.answers(&operation["responses"]);
    }

    fn answers(&mut self, answers: &Value) {
        self.add("<table><tr><th>answer</th><th>body</th><th>when</th></tr>");
        for (status, answer) in entries(answers) {
            let bodies = entries(&answer["content"]);
            let bodies: Vec<_> = bodies.map(|(_, body)| kind(&body["schema"])).collect();
            let when = words(&answer["description"]).replace('\n', "<br>");
            self.row(&[escape(status), bodies.join(" or "), when]);
        }
        self.add("</table>");
    }

    fn schema(&mut self, name: &str, schema: &Value) {
        let name = escape(name);
        self.add(&format!(
            "<h3 id=\"schema-{name}\">{name}</h3><p>{}</p>",
            words(&schema["description"])
        ));
        let parts = schema["allOf"].as_array().map(Vec::as_slice);
        let parts = parts.unwrap_or(std::slice::from_ref(schema));
        for part in parts {
            if part["properties"].is_object() {
                self.fields(part);
            } else {
                self.add(&format!("<p>{}</p>", kind(part)));
            }
        }
    }

    fn fields(&mut self, schema: &Value) {
        let required = schema["required"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        self.add("<table><tr><th>field</th><th>type</th><th>meaning</th></tr>");
        for (name, field) in entries(&schema["properties"]) {
            let is_required = required.iter().any(|one| one == name);
            self.row(&[
                format!("<code>{}</code>{}", escape(name), needed(is_required)),
                kind(field),
                words(&field["description"]),
            ]);
        }
        self.add("</table>");
    }

    fn row(&mut self, cells: &[String]) {
        self.add("<tr>");
        for cell in cells {
            // Writing to a String cannot fail.
            let _ = write!(self.0, "<td>{cell}</td>");
        }
        self.add("</tr>");
    }
}

fn needed(is: bool) -> &'static str {
    if is {
        ""
    } else {
        " <small>may be missing</small>"
    }
}

/// A schema in a few words, named ones as links.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next())
    {
        let name = escape(name);
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        if let Some(parts) = schema[key].as_array() {
            let word = if key == "allOf" { " and " } else { " or " };
            return parts.iter().map(kind).collect::<Vec<_>>().join(word);
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<_> = values
            .iter()
            .map(|value| format!("<code>{}</code>", text(value)))
            .collect();
        return values.join(", ");
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let each = types.iter().map(|one| match *one {
        "array" => format!("list of {}", kind(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            format!("map to {}", kind(&schema["additionalProperties"]))
        }
        one => escape(one),
    });
    let format = schema["format"]
        .as_str()
        .map(|format| format!(" <small>{}</small>", escape(format)));
    let bounds = bounds(schema);
    format!(
        "{}{}{bounds}",
        each.collect::<Vec<_>>().join(" or "),
        format.unwrap_or_default()
    )
}

fn bounds(schema: &Value) -> String {
    let one = |key: &str, word: &str| {
        schema
            .get(key)
            .map(|value| format!(" <small>{word} {}</small>", text(value)))
    };
    let all = [
        one("minimum", "from"),
        one("maximum", "to"),
        one("maxLength", "at most"),
    ];
    all.into_iter().flatten().collect()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| escape(&value.to_string()), escape)
}

/// Text of the document, with its `code`.
fn words(value: &Value) -> String {
    let text = value.as_str().map(escape).unwrap_or_default();
    let mut html = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        if index > 0 {
            html.push_str(if index % 2 == 1 { "<code>" } else { "</code>" });
        }
        html.push_str(part);
    }
    if text.matches('`').count() % 2 == 1 {
        html.push_str("</code>");
    }
    html
}

fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            other => html.push(other),
        }
    }
    html
}
