use super::*;

#[test]
fn listen_takes_a_port_or_an_address_and_a_port() {
    let parsed = |text: &str| listen(text).map(|listen| listen.or("::".parse().unwrap()).to_string());
    assert_eq!(parsed("17200").unwrap(), "[::]:17200");
    assert_eq!(parsed(":8080").unwrap(), "[::]:8080");
    assert_eq!(parsed("+:8080").unwrap(), "[::]:8080");
    assert_eq!(parsed("127.0.0.1:0").unwrap(), "127.0.0.1:0");
    assert_eq!(parsed("[::1]:80").unwrap(), "[::1]:80");
    assert_eq!(parsed("localhost:80").unwrap(), "127.0.0.1:80");
    for wrong in ["", "70000", "-1", "80 80", "host.example.com:80", "127.0.0.1", "127.0.0.1:", "::1"] {
        assert_eq!(listen(wrong), Err(ValueError::Listen), "{wrong}");
    }
}

#[test]
fn seconds_have_bounds_and_decimals() {
    assert_eq!(seconds(60)("0.5").unwrap(), Duration::from_millis(500));
    assert_eq!(seconds(60)("60").unwrap(), Duration::from_secs(60));
    assert_eq!(seconds_or_none(60)("0").unwrap(), Duration::ZERO);
    for wrong in ["", "0", "61", "-1", "nan", "inf", "5s", "1e99"] {
        assert!(seconds(60)(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn bytes_have_units() {
    let parse = bytes::<u64>(1024, 1 << 30);
    assert_eq!(parse("2048").unwrap(), 2048);
    assert_eq!(parse("64 MiB").unwrap(), 64 << 20);
    assert_eq!(parse("1GiB").unwrap(), 1 << 30);
    for wrong in ["", "MiB", "1 TiB", "5", "2 GiB", "99999999999999999999 GiB", "1.5 MiB"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn counts_have_bounds() {
    assert_eq!(count::<u32>(1, 10)("10").unwrap(), 10);
    for wrong in ["0", "11", "", "-3", "ten"] {
        assert!(count::<u32>(1, 10)(wrong).is_err(), "{wrong}");
    }
    assert!(count::<u8>(0, 1000)("300").is_err(), "never cut to fit");
}

#[test]
fn levels_have_the_originals_names() {
    for (name, expected) in
        [("Information", Level::INFO), ("WARNING", Level::WARN), ("verbose", Level::TRACE), ("Fatal", Level::ERROR)]
    {
        assert_eq!(level(name).unwrap(), expected);
    }
    assert!(level("loud").is_err());
}

#[test]
fn gateway_urls_say_what_to_write_instead() {
    assert_eq!(gateway_url("gateway.example.com").unwrap().to_string(), "wss://gateway.example.com/tunnel");
    assert_eq!(gateway_url("wss://g.example.com/").unwrap().to_string(), "wss://g.example.com/tunnel");
    assert_eq!(gateway_url("ws://[::1]:17200/tunnel").unwrap().to_string(), "ws://[::1]:17200/tunnel");
    let error = |text: &str| gateway_url(text).unwrap_err().to_string();
    assert!(error("https://g.example.com").contains("wss://"));
    assert!(error("http://g.example.com").contains("ws://"));
    assert!(error("ftp://g.example.com").contains("must begin with"));
    assert!(error("wss://g.example.com/other").contains("/tunnel"));
    assert!(error("wss://key@g.example.com/tunnel").contains("Agent__ApiKey"));
    assert!(error("wss://g.example.com/tunnel?token=1").contains("Agent__ApiKey"));
    for wrong in ["", "wss://", "wss:///tunnel", "wss://a b/tunnel"] {
        assert!(gateway_url(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn databases_are_sqlite_files() {
    assert_eq!(database("Data Source=/a/b.db").unwrap(), PathBuf::from("/a/b.db"));
    assert_eq!(database("data source = b.db ; Mode=ReadWrite").unwrap(), PathBuf::from("b.db"));
    assert_eq!(database("sqlite:///a/b.db?mode=rwc").unwrap(), PathBuf::from("/a/b.db"));
    for absolute in ["sqlite:/abs/x.db", "sqlite:///abs/x.db", "sqlite:////abs/x.db", "SQLite:////abs/x.db"] {
        assert_eq!(database(absolute).unwrap(), PathBuf::from("/abs/x.db"), "{absolute}");
    }
    assert_eq!(database("sqlite://b.db").unwrap(), PathBuf::from("b.db"));
    let error = |text: &str| database(text).unwrap_err().to_string();
    assert!(error("Server=tcp:db,1433;Database=x").contains("SQL Server"));
    assert!(error("Host=db;Database=x").contains("PostgreSQL"));
    assert!(error("postgres://db/x").contains("PostgreSQL"));
    assert!(error("Data Source=:memory:").contains("restart"));
    assert!(error("/a/b.db").contains("Data Source="));
    assert!(error("Data Source=").contains("names no file"));
}

#[test]
fn lists_tell_which_entry_is_wrong() {
    assert_eq!(networks("10.0.0.0/8, ::1").unwrap().len(), 2);
    assert!(networks("").unwrap().is_empty());
    assert!(networks("10.0.0.0/8,proxy").unwrap_err().to_string().contains("`proxy`"));
    assert_eq!(origins("https://a.example.com/,*").unwrap(), ["https://a.example.com", "*"]);
    assert!(origins("a.example.com").unwrap_err().to_string().contains("`a.example.com`"));
    assert_eq!(hostnames("A.example.com,b.example.com").unwrap().len(), 2);
    assert!(hostnames("a..b").is_err());
    assert!(rules("nas:80-90,10.0.0.0/8").is_ok());
    assert!(rules("nas:x").is_err());
}

#[test]
fn proxies_are_http_or_socks() {
    assert_eq!(proxy("").unwrap(), None);
    assert_eq!(proxy("proxy:3128").unwrap().unwrap().to_string(), "http://proxy:3128/");
    assert!(proxy("socks5://me:pw@proxy:1080").unwrap().is_some());
    for wrong in ["ftp://proxy", "http://", "http://proxy/path", "https://proxy:1"] {
        assert_eq!(proxy(wrong), Err(ValueError::Proxy), "{wrong}");
    }
}

#[test]
fn words_are_compared_without_case() {
    assert_eq!(yes_or_no("TRUE"), Ok(true));
    assert_eq!(yes_or_no("off"), Ok(false));
    assert!(yes_or_no("maybe").is_err());
    assert_eq!(compression("Auto"), Ok(Compression::Auto));
    assert_eq!(unmapped("JSON"), Ok(Unmapped::Json));
    assert_eq!(format("Text"), Ok(Format::Text));
    assert_eq!(links("AUTO"), Ok(LinkCount::Auto));
    assert_eq!(links("8"), Ok(LinkCount::Fixed(8)));
    assert!(links("0").is_err() && links("9").is_err());
}

#[test]
fn caddys_admin_api_says_how_to_write_it() {
    assert_eq!(caddy_admin("http://caddy:2019/").unwrap().to_string(), "http://caddy:2019");
    for wrong in ["caddy:2019", "https://caddy:2019", "http://caddy:2019/config/"] {
        let told = caddy_admin(wrong).unwrap_err().to_string();
        assert!(told.contains("http://localhost:2019"), "{wrong}: {told}");
    }
}
