//! Every listing of the HTTP interface, as the served OpenAPI document names them.
//!
//! In: a running host, somebody who asks. Out: the time of each listing: first page, a page by cursor as
//! deep as it goes, and with each thing that can be asked for. Never: a GET of the document that is
//! neither timed nor told apart by name.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::caller::Caller;
use super::site::SCIENTIST;

/// Items of a page: as many as one may ask for.
const PAGE: usize = 200;
/// Pages that are turned to get deep.
const PAGES: usize = 60;
/// The longest list that is shown whole (members of a group, tokens of a user).
const WHOLE: usize = 1_000;
/// Requests before the timed ones: connections, prepared statements.
const WARM: usize = 10;

/// GETs that are no listings: bytes, documents, results (which lie in archives or topics), signs of life.
const OTHERS: [&str; 11] = [
    "/livez",
    "/readyz",
    "/metrics",
    "/v1/docs",
    "/v1/openapi.json",
    "/v1/filters/{owner}/{name}/alerts",
    "/v1/filters/{owner}/{name}/alerts/live",
    "/v1/filters/{owner}/{name}/failures/{id}/packet",
    "/v1/filters/{owner}/{name}/versions/{number}/component",
    "/v1/filters/{owner}/{name}/withheld/{night}/alerts",
    "/v1/filters/{owner}/{name}/gate",
];

/// A request to be timed.
#[derive(Debug, Clone)]
pub struct Listing {
    /// As the table names it.
    pub name: String,
    path: String,
}

/// What its answers took.
#[derive(Debug, Clone, Default)]
pub struct Timed {
    /// Items of the list; none where it is no list.
    pub items: Option<usize>,
    /// Size of the answer [bytes].
    pub bytes: usize,
    times: Vec<Duration>,
}

impl Timed {
    /// The time that so many per cent of the requests did not exceed [ms].
    pub fn percentile_ms(&self, percent: usize) -> f64 {
        let place = (self.times.len() * percent).div_ceil(100).max(1) - 1;
        self.times.get(place).map_or(0.0, Duration::as_secs_f64) * 1e3
    }
}

/// The listings that `caller` may see, of the scientist's filter `deep`.
pub fn of(caller: &Caller, deep: &str) -> Result<Vec<Listing>> {
    let document = caller.get("/v1/openapi.json")?.json()?;
    let paths = document["paths"].as_object().context("paths")?;
    let mut listings = Vec::new();
    for (template, item) in paths {
        let Some(get) = item.get("get").filter(|_| !OTHERS.contains(&&**template)) else {
            continue;
        };
        let Some(path) = place(caller, template, deep)? else {
            continue;
        };
        if caller.get(&path)?.status == 403 {
            continue;
        }
        listings.extend(pages(caller, template, &path, get)?);
    }
    Ok(listings)
}

/// One operation: its first page, a deep page, and with every other parameter.
fn pages(caller: &Caller, template: &str, path: &str, get: &Value) -> Result<Vec<Listing>> {
    let parameters = get["parameters"].as_array().cloned().unwrap_or_default();
    let query = parameters.iter().filter(|one| one["in"] == "query");
    let names: Vec<&str> = query.filter_map(|one| one["name"].as_str()).collect();
    let listing = |what: &str, query: String| Listing {
        name: format!("{template}{what}"),
        path: format!("{path}{query}"),
    };
    if !names.contains(&"limit") {
        return Ok(vec![listing("", String::new())]);
    }
    let page = format!("?limit={PAGE}");
    let mut listings = vec![listing("", page.clone())];
    if let Some(cursor) = deep_cursor(caller, &format!("{path}{page}"))? {
        listings.push(listing(" by cursor", format!("{page}&cursor={cursor}")));
    }
    for name in names {
        if ["limit", "cursor"].contains(&name) {
            continue;
        }
        for value in values(template, name)? {
            let (what, query) = (format!(" {name}={value}"), format!("{page}&{name}={value}"));
            listings.push(listing(&what, query));
        }
    }
    Ok(listings)
}

/// The cursor of the deepest full page.
fn deep_cursor(caller: &Caller, first: &str) -> Result<Option<String>> {
    let (mut before, mut last) = (None, None);
    for _ in 0..PAGES {
        let path = match &last {
            None => first.to_owned(),
            Some(cursor) => format!("{first}&cursor={cursor}"),
        };
        let page = caller.get(&path)?.json()?;
        match page["next"].as_str() {
            Some(next) => before = last.replace(next.to_owned()),
            None => break,
        }
    }
    Ok(before.or(last))
}

/// What a parameter is asked with: something common, something rare, something that is nowhere.
fn values(template: &str, parameter: &str) -> Result<&'static [&'static str]> {
    Ok(match parameter {
        "owner" => &[SCIENTIST, "group-100", "user-10500"],
        "stream" => &["ztf", "elsewhere", "nowhere"],
        "deleted" => &["true"],
        "action" => &["filter.activate", "filter.delete", "nothing.such"],
        "night" => &["2026-06-10", "2025-01-01"],
        "setting" => &["20000000", "1"],
        "level" => &["error"],
        "text" => &["detections", "no-such-text"],
        other => bail!("{template} has a new parameter {other}: give it a value"),
    })
}

/// The path with what is there: none where there is no such thing.
fn place(caller: &Caller, template: &str, deep: &str) -> Result<Option<String>> {
    let mut path = template
        .replace("{owner}/{name}", &format!("{SCIENTIST}/{deep}"))
        .replace("{user}", SCIENTIST)
        .replace("{group}", "group-100");
    for word in ["{number}", "{id}"] {
        if let Some((list, _)) = path.split_once(&format!("/{word}")) {
            let page = caller.get(list)?.json()?;
            let first = &page["items"][0];
            let known = ["number", "setting", "id"].map(|key| &first[key]);
            let Some(found) = known.into_iter().find(|value| !value.is_null()) else {
                return Ok(None);
            };
            let found = found.to_string().replace('"', "");
            path = path.replace(word, &found);
        }
    }
    let is_whole = !path.contains('{');
    ensure!(is_whole, "{template} has a new part: give it a value");
    Ok(Some(path))
}

/// Ask `times` times.
///
/// # Errors
/// Where a page is longer than it may be.
pub fn time(caller: &Caller, listing: &Listing, times: usize) -> Result<Option<Timed>> {
    let first = caller.get(&listing.path)?;
    if first.status != 200 {
        return Ok(None);
    }
    let items = first.json()?["items"].as_array().map(Vec::len);
    let most = if listing.path.contains("limit=") {
        PAGE
    } else {
        WHOLE
    };
    ensure!(
        items.unwrap_or(0) <= most,
        "{} shows {items:?} items",
        listing.name
    );
    for _ in 0..WARM {
        caller.get(&listing.path)?;
    }
    let mut timed = Timed {
        items,
        bytes: first.body.len(),
        times: Vec::with_capacity(times),
    };
    for _ in 0..times {
        timed.times.push(caller.get(&listing.path)?.took);
    }
    timed.times.sort();
    Ok(Some(timed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listing_of_the_interface_is_known() {
        let document = include_str!("../../../docs/openapi.json");
        let document: Value = serde_json::from_str(document).unwrap_or_default();
        let paths = document["paths"].as_object().into_iter().flatten();
        let listings = paths.filter(|(path, operations)| {
            operations["get"].is_object() && !OTHERS.contains(&path.as_str())
        });
        let mut seen = 0;
        for (path, operations) in listings {
            let parts = path
                .split('{')
                .skip(1)
                .filter_map(|rest| rest.split('}').next());
            for part in parts {
                let known = ["owner", "name", "user", "group", "number", "id"];
                assert!(
                    known.contains(&part),
                    "{path} has a new part: give it a value"
                );
            }
            let parameters = operations["get"]["parameters"]
                .as_array()
                .into_iter()
                .flatten();
            for parameter in parameters.filter(|one| one["in"] == "query") {
                let name = parameter["name"].as_str().unwrap_or_default();
                let known = ["limit", "cursor"].contains(&name) || values(path, name).is_ok();
                assert!(known, "{path} has a new parameter {name}");
            }
            seen += 1;
        }
        assert!(seen > 20, "{seen} listings");
    }
}
