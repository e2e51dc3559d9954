use http_body_util::BodyExt;

use super::*;

async fn body(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

fn get(path: &str) -> Response {
    serve(&Request::get(path).body(Body::empty()).unwrap())
}

#[tokio::test]
async fn every_path_without_an_extension_is_the_page() {
    for path in ["/", "/login", "/mappings/new", "/index.html"] {
        let response = get(path);
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let headers = response.headers().clone();
        assert_eq!(headers[CONTENT_TYPE], "text/html; charset=utf-8");
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"));
        assert!(body(response).await.contains("Octoporty"));
    }
}

#[test]
fn a_file_that_is_not_there_is_not_the_page() {
    assert_eq!(get("/assets/none.js").status(), StatusCode::NOT_FOUND);
    let response = serve(&Request::post("/").body(Body::empty()).unwrap());
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[ALLOW], "GET, HEAD");
}

#[test]
fn a_file_is_cached_by_its_name_and_known_by_its_tag() {
    let asset = Asset { bytes: "let a = 1;".into(), hash: "abc".to_owned() };
    let hashed = file("assets/app-1234.js", &asset, &HeaderMap::new());
    assert_eq!(hashed.headers()[CACHE_CONTROL], "public, max-age=31536000, immutable");
    assert_eq!(hashed.headers()[CONTENT_TYPE], "text/javascript; charset=utf-8");
    assert_eq!(hashed.headers()[VARY], "accept-encoding");
    let plain = file("theme.js", &asset, &HeaderMap::new());
    assert_eq!(plain.headers()[CACHE_CONTROL], "no-cache");
    let known = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static("\"abc\""))]);
    assert_eq!(file("theme.js", &asset, &known).status(), StatusCode::NOT_MODIFIED);
}

#[test]
fn the_preview_loads_pictures_of_others_and_the_console_does_not() {
    let asset = Asset { bytes: "<!doctype html>".into(), hash: "abc".to_owned() };
    let policy = |response: Response| {
        let policy = response.headers().get(CONTENT_SECURITY_POLICY)?;
        Some(policy.to_str().unwrap().split(';').map(|rule| rule.trim().to_owned()).collect::<Vec<_>>())
    };
    let preview = policy(file("preview.html", &asset, &HeaderMap::new())).unwrap();
    // Opened by itself it has no rights of the console either.
    for rule in ["img-src https: data:", "default-src 'none'", "frame-ancestors 'self'", "sandbox allow-scripts"] {
        assert!(preview.iter().any(|known| known == rule), "{rule}: {preview:?}");
    }
    let console = policy(get("/settings")).unwrap();
    assert!(!console.iter().any(|rule| rule.contains("https:")), "{console:?}");
    assert!(policy(file("theme.js", &asset, &HeaderMap::new())).is_none());
}

#[test]
fn the_base_leads_to_the_root_from_any_depth() {
    if assets::find("index.html").is_none() {
        assert!(assets::page().contains("built without the web page"));
        return;
    }
    for (path, base) in
        [("/", "./"), ("/login", "./"), ("/mappings/", "../"), ("/mappings/new", "../"), ("/a/b/c", "../../")]
    {
        let html = page_html(path);
        assert!(html.contains(&format!("<base href=\"{base}\"")), "{path}");
    }
}
