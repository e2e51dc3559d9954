use serde_json::json;

use super::*;
use crate::import::PageWish;

fn read_json(file: &serde_json::Value) -> Read {
    read(file.to_string().as_bytes(), "0.1.0").unwrap()
}

#[test]
fn a_number_does_for_the_schema_and_white_space_is_no_fault() {
    for schema in [json!("1"), json!(1), json!(" 1 ")] {
        let (wanted, mistakes) = read_json(&json!({ "schemaVersion": schema }));
        assert_eq!((wanted.mappings.len(), mistakes.len()), (0, 0));
    }
    assert!(read(b"{\"schemaVersion\":null}", "0.1.0").is_err());
    assert!(read(b"{\"schemaVersion\":\"1.1\"}", "0.1.0").is_err());
}

#[test]
fn an_id_in_capitals_is_the_same_id() {
    let entry = json!({ "id": "6F9619FF-8B86-D011-B42D-00C04FC964FF", "externalDomain": "a.test", "internalHost": "h",
                        "internalPort": 80 });
    let (wanted, _) = read_json(&json!({ "schemaVersion": "1", "mappings": [entry] }));
    assert_eq!(wanted.mappings[0].named.unwrap().to_string(), "6f9619ff-8b86-d011-b42d-00c04fc964ff");
}

#[test]
fn a_page_is_kept_reset_or_replaced() {
    let page = |more: serde_json::Value| {
        let mut file = json!({ "schemaVersion": "1" });
        file.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (wanted, mistakes) = read_json(&file);
        (wanted.page, mistakes.into_iter().map(|one| one.field).collect::<Vec<_>>())
    };
    let good = |wish: PageWish| (wish, Vec::<String>::new());
    assert_eq!(page(json!({})), good(PageWish::Keep));
    assert_eq!(page(json!({ "landingPageHtml": "  ", "landingPageIsDefault": false })), good(PageWish::Keep));
    assert_eq!(page(json!({ "landingPageHtml": "<p>", "landingPageIsDefault": true })), good(PageWish::Default));
    let html = LandingPage::new("<p>".to_owned()).unwrap();
    assert_eq!(page(json!({ "landingPageHtml": "<p>" })), good(PageWish::Custom(html)));
    assert_eq!(page(json!({ "landingPageHtml": 7 })).1, ["landingPageHtml"]);
    assert_eq!(page(json!({ "landingPageIsDefault": "yes" })).1, ["landingPageIsDefault"]);
    assert_eq!(page(json!({ "landingPageHtml": "x".repeat(1_048_577) })).1, ["landingPageHtml"]);
}

#[test]
fn mistakes_of_a_mapping_are_told_all_at_once_at_their_fields() {
    let entries = json!([null, [], { "externalDomain": "a.test", "internalPort": "80", "compression": "zip" }]);
    let (wanted, mistakes) = read_json(&json!({ "schemaVersion": "1", "mappings": entries }));
    assert!(wanted.mappings.is_empty());
    let mut fields: Vec<_> = mistakes.into_iter().map(|one| one.field).collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "mappings[0]",
            "mappings[1]",
            "mappings[2].compression",
            "mappings[2].internalHost",
            "mappings[2].internalPort"
        ]
    );
}
