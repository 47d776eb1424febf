//! The committed description is the code's, and leaves out no route.

use std::collections::{BTreeMap, BTreeSet};

use attachlink::http::{api, openapi};

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.yaml");

type Routes = BTreeMap<String, BTreeSet<String>>;

#[test]
fn the_committed_description_is_the_codes() {
    let committed = std::fs::read_to_string(COMMITTED).expect("openapi.yaml lies at the root");
    let made = openapi::yaml();
    if let Some((line, (was, is))) = committed.lines().zip(made.lines()).enumerate().find(|(_, (was, is))| was != is) {
        panic!(
            "openapi.yaml line {}: `{was}`, but the code says `{is}`. Run `attachlink openapi > openapi.yaml`.",
            line + 1
        );
    }
    assert_eq!(committed.len(), made.len(), "one is longer. Run `attachlink openapi > openapi.yaml`");
}

#[test]
fn every_route_of_the_router_is_in_the_document_and_the_other_way_round() {
    let (router, _) = api::answering();
    let shown = routes_shown_by(&format!("{router:?}"));
    assert!(shown.len() >= 12, "{shown:?}");
    assert_eq!(shown, documented());
}

/// The api listener's paths and methods, as the document has them: its paths have no servers of their own.
fn documented() -> Routes {
    let document = openapi::document();
    let of_api = document.paths.paths.into_iter().filter(|(_, item)| item.servers.is_none());
    of_api
        .map(|(path, item)| {
            let methods = [
                ("get", item.get.is_some()),
                ("put", item.put.is_some()),
                ("post", item.post.is_some()),
                ("delete", item.delete.is_some()),
                ("head", item.head.is_some()),
                ("patch", item.patch.is_some()),
                ("options", item.options.is_some()),
                ("trace", item.trace.is_some()),
            ];
            let methods = methods.into_iter().filter(|(_, is_there)| *is_there);
            (path, methods.map(|(method, _)| method.to_owned()).collect())
        })
        .collect()
}

/// axum lists its routes only in its `Debug` form: `RouteId(3): MethodRouter(MethodRouter { get: BoxedHandler, …` and
/// `RouteId(3): "/path"`. The fallback's own routes come after them, under ids that are taken by then.
fn routes_shown_by(debug: &str) -> Routes {
    let mut methods = BTreeMap::new();
    let mut paths = BTreeMap::new();
    for entry in debug.split("RouteId(").skip(1) {
        let Some((id, rest)) = entry.split_once("): ") else { continue };
        if let Some(path) = rest.strip_prefix('"').and_then(|rest| rest.split('"').next()) {
            paths.entry(id.to_owned()).or_insert_with(|| path.to_owned());
        } else if rest.starts_with("MethodRouter(") {
            methods.entry(id.to_owned()).or_insert_with(|| handled(rest));
        }
    }
    paths.into_iter().map(|(id, path)| (path, methods.remove(&id).unwrap_or_default())).collect()
}

fn handled(method_router: &str) -> BTreeSet<String> {
    let fields = method_router.split_once('{').map_or("", |(_, fields)| fields);
    let fields = fields.split(", ").map_while(|field| field.trim().split_once(": "));
    let methods = fields.take_while(|(name, _)| *name != "fallback");
    methods.filter(|(_, handler)| *handler != "None").map(|(name, _)| name.to_owned()).collect()
}
