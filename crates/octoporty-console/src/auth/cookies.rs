//! How tokens travel in browsers: a cookie each, `HttpOnly`, `SameSite=Strict`, `Secure` when the visitor came by https
//! (a console on a LAN by http has to work as well).

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

use super::Tokens;
use super::tokens::{ACCESS_LIFETIME_MS, REFRESH_LIFETIME_MS};
use super::visitor::{Transport, Visitor};

/// Name of the access token's cookie.
pub(crate) const ACCESS: &str = "octoporty_access";
/// Name of the refresh token's cookie.
pub(crate) const REFRESH: &str = "octoporty_refresh";

const ACCESS_PATH: &str = "/";
/// The refresh token goes nowhere else. Every documented path answers without its `v1` as well, so it is there as well.
const REFRESH_PATHS: [&str; 2] = ["/api/v1/auth", "/api/auth"];

/// The value of a cookie.
pub(crate) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value)
}

/// Sets the cookies.
pub(crate) fn set(headers: &mut HeaderMap, tokens: &Tokens, visitor: &Visitor) {
    append(headers, visitor, (ACCESS, ACCESS_PATH), &tokens.access, ACCESS_LIFETIME_MS / 1_000);
    for path in REFRESH_PATHS {
        append(headers, visitor, (REFRESH, path), &tokens.refresh, REFRESH_LIFETIME_MS / 1_000);
    }
}

/// Makes the browser forget them.
pub(crate) fn clear(headers: &mut HeaderMap, visitor: &Visitor) {
    append(headers, visitor, (ACCESS, ACCESS_PATH), "", 0);
    for path in REFRESH_PATHS {
        append(headers, visitor, (REFRESH, path), "", 0);
    }
}

fn append(headers: &mut HeaderMap, visitor: &Visitor, (name, path): (&str, &str), value: &str, max_age: u64) {
    let secure = match visitor.transport {
        Transport::Https => "; Secure",
        Transport::Http => "",
    };
    let prefix = &visitor.prefix;
    let cookie = format!("{name}={value}; Path={prefix}{path}; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}");
    let cookie = HeaderValue::try_from(cookie).expect("tokens and prefixes are plain ASCII");
    headers.append(SET_COOKIE, cookie);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitor(transport: Transport, prefix: &str) -> Visitor {
        Visitor { source: "127.0.0.1".parse().unwrap(), transport, authority: None, prefix: prefix.to_owned() }
    }

    fn set_for(visitor: &Visitor) -> Vec<String> {
        let mut headers = HeaderMap::new();
        let tokens = Tokens { access: "a".into(), access_expires_ms: 0, refresh: "r".into(), refresh_expires_ms: 0 };
        set(&mut headers, &tokens, visitor);
        headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn cookies_are_for_this_site_and_no_script() {
        let cookies = set_for(&visitor(Transport::Http, ""));
        assert_eq!(cookies[0], "octoporty_access=a; Path=/; Max-Age=900; HttpOnly; SameSite=Strict");
        assert_eq!(cookies[1], "octoporty_refresh=r; Path=/api/v1/auth; Max-Age=604800; HttpOnly; SameSite=Strict");
    }

    #[test]
    fn a_refresh_by_cookie_works_at_the_path_without_v1_as_well() {
        let cookies = set_for(&visitor(Transport::Http, ""));
        let paths: Vec<_> = cookies
            .iter()
            .filter(|cookie| cookie.starts_with("octoporty_refresh=r;"))
            .filter_map(|cookie| cookie.split("; ").find_map(|part| part.strip_prefix("Path=")))
            .collect();
        for path in ["/api/v1/auth/refresh", "/api/auth/refresh", "/api/auth/logout"] {
            assert_eq!(paths.iter().filter(|prefix| path.starts_with(**prefix)).count(), 1, "{path}");
        }
        let mut forgotten = HeaderMap::new();
        clear(&mut forgotten, &visitor(Transport::Http, ""));
        assert_eq!(forgotten.get_all(SET_COOKIE).iter().count(), cookies.len());
    }

    #[test]
    fn by_https_they_never_leave_it_and_a_sub_path_is_kept() {
        let cookies = set_for(&visitor(Transport::Https, "/console"));
        assert!(cookies.iter().all(|cookie| cookie.ends_with("; Secure")));
        assert!(cookies[1].contains("Path=/console/api/v1/auth;"));
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("theme=dark; xoctoporty_access=no"));
        headers.append(COOKIE, HeaderValue::from_static("octoporty_access=; octoporty_access=yes"));
        assert_eq!(read(&headers, ACCESS), Some("yes"));
        assert_eq!(read(&headers, REFRESH), None);
    }
}
