//! Looks whether the web page was built. It never builds it: that is `npm run build` in `web/`.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../web/dist");
    println!("cargo::rerun-if-env-changed=OCTOPORTY_REQUIRE_WEB");
    if env::var_os("CARGO_FEATURE_WEB").is_none() {
        return;
    }
    let folder = env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it");
    if Path::new(&folder).join("../../web/dist/index.html").is_file() {
        return;
    }
    let advice = "web/dist is not there: run `npm ci && npm run build` in web/";
    assert!(env::var_os("OCTOPORTY_REQUIRE_WEB").is_none_or(|value| value != "1"), "{advice}");
    println!("cargo::warning={advice}; a page that says so is embedded instead");
}
