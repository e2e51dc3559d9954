//! The loader, from sources to configurations.

use std::path::Path;
use std::time::Duration;

use octoporty_agent::config::{GatewayTrust, LinkCount};
use octoporty_gateway::GatewayConfig;
use octoporty_gateway::config::Unmapped;

use super::agent::AgentSettings;
use super::key::{Origin, Role};
use super::problem::Refused;
use super::source::{self, Entry, Sources};
use super::*;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const OTHER_KEY: &str = "fedcba9876543210fedcba9876543210";
/// Of the word `password`, by `openssl passwd -6`.
const HASH: &str =
    "$6$octoportye2e$ueDOHu50B5WNBc7G2Xa6KBQRxYIQK/JvHBGL2wqsmTdwJjef.IR.LHrLVocifKvx5aVlAzzLJYZr9z2fY0coQ0";

fn variables(pairs: &[(&str, &str)]) -> Vec<Entry> {
    let entry = |(name, text): &(&str, &str)| Entry {
        name: (*name).to_owned(),
        text: (*text).to_owned(),
        origin: Origin::Environment((*name).to_owned()),
    };
    pairs.iter().map(entry).collect()
}

fn flags(pairs: &[(&str, &str)]) -> Vec<Entry> {
    let entry = |(name, text): &(&str, &str)| Entry {
        name: (*name).to_owned(),
        text: (*text).to_owned(),
        origin: Origin::Flag((*name).to_owned()),
    };
    pairs.iter().map(entry).collect()
}

fn environment(pairs: &[(&str, &str)]) -> Sources {
    Sources { environment: variables(pairs), ..Sources::default() }
}

fn gateway_of(pairs: &[(&str, &str)]) -> (GatewayConfig, Frame) {
    let pairs = [&[("Gateway__ApiKey", KEY)], pairs].concat();
    gateway::load(&environment(&pairs)).outcome.unwrap_or_else(|refused| panic!("{refused}"))
}

fn gateway_refused(pairs: &[(&str, &str)]) -> Refused {
    gateway::load(&environment(pairs)).outcome.map(drop).unwrap_err()
}

const AGENT: &[(&str, &str)] = &[
    ("Agent__GatewayFqdn", "gateway.example.com"),
    ("Agent__ApiKey", KEY),
    ("Agent__Auth__PasswordHash", HASH),
    ("Agent__Name", "home"),
];

/// [`AGENT`] with these instead or besides.
fn agent_pairs<'a>(pairs: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = AGENT.iter().filter(|(name, _)| !pairs.iter().any(|(other, _)| other == name));
    kept.chain(pairs).copied().collect()
}

fn agent_of(pairs: &[(&str, &str)]) -> (AgentSettings, Frame) {
    agent::load(&environment(&agent_pairs(pairs))).outcome.unwrap_or_else(|refused| panic!("{refused}"))
}

fn agent_refused(pairs: &[(&str, &str)]) -> Refused {
    agent::load(&environment(&agent_pairs(pairs))).outcome.map(drop).unwrap_err()
}

fn warned(frame: &Frame, part: &str) -> bool {
    frame.warnings.iter().any(|warning| warning.contains(part))
}

#[test]
fn a_gateway_needs_nothing_but_its_key() {
    let (config, frame) = gateway_of(&[]);
    assert_eq!(config.listen.to_string(), "[::]:17200");
    assert_eq!(config.trusted_proxies.len(), 2);
    assert_eq!(config.heartbeat, Duration::from_secs(30));
    assert_eq!(config.unmapped, Unmapped::Landing);
    assert_eq!(frame.grace, Duration::from_secs(10));
    assert!(frame.warnings.is_empty(), "{:?}", frame.warnings);
}

#[test]
fn the_defaults_of_limits_are_those_of_the_gateway_crate() {
    let (config, _) = gateway_of(&[]);
    let expected = octoporty_gateway::config::Limits::default();
    assert_eq!(format!("{:?}", config.limits), format!("{expected:?}"));
}

#[test]
fn flag_wins_over_environment_over_file_over_default() {
    let file =
        source::entries(Path::new("o.toml"), "[Gateway]\nPort = 1001\nUnmapped = \"json\"\nCompression = \"off\"\n");
    let sources = Sources {
        file: file.unwrap(),
        environment: variables(&[("GATEWAY__APIKEY", KEY), ("gateway__port", "1002"), ("Gateway__Unmapped", "close")]),
        flags: flags(&[("Gateway__Port", "1003")]),
    };
    let loaded = gateway::load(&sources);
    let origin = |path: &str| loaded.rows.iter().find(|row| row.path == path).map(|row| row.origin.clone()).unwrap();
    assert_eq!(origin("Gateway__Port"), Origin::Flag("Gateway__Port".into()));
    assert_eq!(origin("Gateway__Unmapped"), Origin::Environment("Gateway__Unmapped".into()));
    assert_eq!(origin("Gateway__Compression"), Origin::File("o.toml".into()));
    assert_eq!(origin("Gateway__TrustedProxies"), Origin::Default);
    let (config, _) = loaded.outcome.unwrap();
    assert_eq!(config.listen.port(), 1003);
    assert_eq!(config.unmapped, Unmapped::Close);
}

#[test]
fn all_mistakes_are_told_at_once_and_no_secret_is() {
    let refused = agent_refused(&[
        ("Agent__GatewayUrl", "http://gateway.example.com"),
        ("Agent__ApiKey", "short-secret-1"),
        ("Agent__JwtSecret", "short-secret-2"),
        ("Agent__Auth__PasswordHash", "saltdigest-secret-3"),
        ("Agent__Port", "70000"),
        ("Agent__Links", "9"),
        ("Agent__Speling", "x"),
        ("ConnectionStrings__DefaultConnection", "Host=db;Password=secret-4"),
        ("Agent__Proxy", "ftp://me:secret-5@proxy"),
    ]);
    assert_eq!(refused.problems.len(), 9, "{refused}");
    let text = refused.to_string();
    assert!(text.starts_with("octoporty agent: 9 settings need a change; nothing was started."), "{text}");
    for number in 1..=5 {
        assert!(!text.contains(&format!("secret-{number}")), "{text}");
    }
    for part in ["write ws:// instead", "hash-password", "PostgreSQL", "70000", "auto, 1, 2"] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
}

#[test]
fn an_unknown_name_gets_the_nearest_known_one() {
    let suggestion = |name: &str| gateway_refused(&[("Gateway__ApiKey", KEY), (name, "1")]).to_string();
    assert!(suggestion("Gateway__HeartbeatInterval").contains("did you mean Gateway__HeartbeatIntervalSeconds?"));
    assert!(suggestion("GATEWAY__LIMIT__HEADERBYTES").contains("did you mean Gateway__Limits__HeaderBytes?"));
    assert!(suggestion("Logging__Level").contains("did you mean Logging__LogLevel?"));
    assert!(suggestion("Gateway__ApiKeyFiel").contains("did you mean Gateway__ApiKeyFile?"));
    assert!(suggestion("Gateway__Wholly__Different__Things").contains("is not a setting"));
}

#[test]
fn an_unknown_name_in_the_file_is_a_mistake_wherever_it_is() {
    let text = format!("Colour = 1\n[Gateway]\nApiKey = \"{KEY}\"\n[Gatway]\nPort = 1\n");
    let sources = Sources { file: source::entries(Path::new("o.toml"), &text).unwrap(), ..Sources::default() };
    let refused = gateway::load(&sources).outcome.map(drop).unwrap_err();
    assert_eq!(refused.problems.len(), 2, "{refused}");
    assert!(refused.to_string().contains("did you mean Gateway__Port?"), "{refused}");
}

#[test]
fn other_peoples_variables_and_the_other_roles_are_none_of_our_business() {
    let (_, frame) = gateway_of(&[("PATH", "/bin"), ("MY__SETTING", "1"), ("Agent__Port", "nonsense")]);
    assert!(frame.warnings.is_empty(), "{:?}", frame.warnings);
}

#[test]
fn a_key_of_a_later_release_is_refused_by_name() {
    for name in
        ["Gateway__Edge", "gateway__acme__email", "Gateway__Console__Enabled", "Otel__Endpoint", "PICOTUNNEL_DOMAIN"]
    {
        let refused = gateway_refused(&[("Gateway__ApiKey", KEY), (name, "x")]).to_string();
        assert!(refused.contains(name) && refused.contains("not available in this release"), "{name}: {refused}");
    }
    let refused = agent_refused(&[("PICOTUNNEL_TOKEN", "x")]).to_string();
    assert!(refused.contains("use Agent__ApiKey"), "{refused}");
    let (_, frame) = gateway_of(&[("Gateway__CaddyUpstream", ""), ("Agent__Token", "x")]);
    assert!(frame.warnings.is_empty(), "an empty variable and the other role's are no mistake");
}

#[test]
fn a_key_of_the_originals_without_meaning_is_a_warning() {
    let (_, frame) =
        gateway_of(&[("Gateway__DebugJson", "true"), ("HTTP_PORTS", ""), ("Logging__SeqUrl", "http://seq")]);
    assert!(warned(&frame, "Gateway__DebugJson") && warned(&frame, "Logging__SeqUrl"));
    assert_eq!(frame.warnings.len(), 2, "an empty HTTP_PORTS is what the originals' compose files set");
}

#[test]
fn keys_are_required_and_long() {
    assert!(gateway_refused(&[]).to_string().contains("Gateway__ApiKey is required"));
    let short = gateway_refused(&[("Gateway__ApiKey", "0123456789abcdef0123456789abcde")]).to_string();
    assert!(short.contains("too short") && !short.contains("0123"), "{short}");
    let agent = agent_refused(&[("Agent__ApiKey", ""), ("Agent__GatewayFqdn", ""), ("Agent__Auth__PasswordHash", "")]);
    let names: Vec<&str> = agent.problems.iter().map(|problem| problem.name.as_str()).collect();
    assert_eq!(names, ["Agent__GatewayUrl", "Agent__ApiKey", "Agent__Auth__PasswordHash"]);
}

#[test]
fn a_list_of_no_names_is_told_and_ends_nothing_by_a_panic() {
    for empty in [",", " , ,"] {
        let refused = agent_refused(&[("Agent__GatewayFqdn", empty)]).to_string();
        assert!(refused.contains("Agent__GatewayFqdn") && refused.contains("names nothing"), "{refused}");
        let refused = gateway_refused(&[("Gateway__ApiKey", KEY), ("Gateway__GatewayFqdn", empty)]).to_string();
        assert!(refused.contains("names nothing"), "{refused}");
    }
}

#[test]
fn a_plain_password_that_no_login_could_give_is_refused() {
    let long = "x".repeat(257);
    let refused = agent_refused(&[("Agent__Auth__PasswordHash", ""), ("Agent__Auth__Password", &long)]).to_string();
    assert!(refused.contains("longer than 256 bytes") && !refused.contains(&long), "{refused}");
}

#[test]
fn several_keys_of_a_gateway_are_taken_for_rotation() {
    let both = format!("{KEY}, {OTHER_KEY}");
    let (config, frame) = {
        let loaded = gateway::load(&environment(&[("Gateway__ApiKey", &both)]));
        loaded.outcome.unwrap()
    };
    assert_eq!(config.api_keys.iter().map(|key| key.expose()).collect::<Vec<_>>(), [KEY, OTHER_KEY]);
    assert_eq!(frame.banner[0], ("ApiKey", "01****ef, fe****10".to_owned()));
    let one_short = format!("{KEY},short");
    assert!(gateway_refused(&[("Gateway__ApiKey", &one_short)]).to_string().contains("too short"));
}

#[test]
fn a_secret_may_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, format!("{KEY}\n")).unwrap();
    let path = path.to_str().unwrap();
    let loaded = gateway::load(&environment(&[("Gateway__ApiKeyFile", path)]));
    assert_eq!(loaded.rows[0].value, "01****ef");
    assert_eq!(loaded.rows[0].origin, Origin::SecretFile(path.into()));
    assert_eq!(loaded.outcome.unwrap().0.api_keys[0].expose(), KEY);
    let missing = gateway_refused(&[("Gateway__ApiKeyFile", "/nonexistent/key")]);
    assert_eq!(missing.problems.len(), 1, "told once: {missing}");
    assert!(missing.to_string().contains("Gateway__ApiKeyFile cannot be read from /nonexistent/key"), "{missing}");
    let twice = gateway_refused(&[("Gateway__ApiKey", KEY), ("Gateway__ApiKeyFile", path)]);
    assert!(twice.to_string().contains("is set twice"), "{twice}");
}

#[test]
fn a_secret_file_on_the_command_line_wins_over_a_key_of_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, OTHER_KEY).unwrap();
    let sources = Sources {
        environment: variables(&[("Gateway__ApiKey", KEY)]),
        flags: flags(&[("Gateway__ApiKeyFile", path.to_str().unwrap())]),
        ..Sources::default()
    };
    assert_eq!(gateway::load(&sources).outcome.unwrap().0.api_keys[0].expose(), OTHER_KEY);
}

#[test]
fn ports_take_an_address_and_have_their_aliases() {
    let listen = |pairs: &[(&str, &str)]| gateway_of(pairs).0.listen.to_string();
    assert_eq!(listen(&[("Gateway__Port", "127.0.0.1:8080")]), "127.0.0.1:8080");
    assert_eq!(listen(&[("Gateway__ListenPort", "8080")]), "[::]:8080");
    assert_eq!(listen(&[("OCTOPORTY_LISTEN_PORT", "8081"), ("Gateway__BindAddress", "0.0.0.0")]), "0.0.0.0:8081");
    assert_eq!(listen(&[("ASPNETCORE_URLS", "https://+:443;http://+:9000")]), "[::]:9000");
    assert_eq!(listen(&[("ASPNETCORE_URLS", "http://*:9000/"), ("Gateway__Port", "9001")]), "[::]:9001");
    let twice = gateway_refused(&[("Gateway__ApiKey", KEY), ("Gateway__Port", "1"), ("gateway__PORT", "2")]);
    assert!(twice.to_string().contains("is set twice"), "{twice}");
    let (_, frame) = gateway_of(&[("Gateway__Port", "1"), ("Gateway__ListenPort", "2")]);
    assert!(warned(&frame, "Gateway__ListenPort is not used"));
}

#[test]
fn an_agent_derives_its_url_and_takes_the_explicit_one_first() {
    let url = |pairs: &[(&str, &str)]| agent_of(pairs).0.agent.gateway_url.to_string();
    assert_eq!(url(&[]), "wss://gateway.example.com/tunnel");
    assert_eq!(url(&[("Agent__GatewayFqdn", "a.example.com, b.example.com")]), "wss://a.example.com/tunnel");
    assert_eq!(
        url(&[("Agent__GatewayUrl", "wss://other.example.com:8443/tunnel")]),
        "wss://other.example.com:8443/tunnel"
    );
    assert_eq!(url(&[("PICOTUNNEL_SERVER", "host.example.com:8443")]), "wss://host.example.com:8443/tunnel");
    assert_eq!(url(&[("OCTOPORTY_GATEWAY_URL", "ws://10.0.0.1:17200")]), "ws://10.0.0.1:17200/tunnel");
}

#[test]
fn an_unencrypted_tunnel_over_a_public_network_warns() {
    let warns = |url: &str| warned(&agent_of(&[("Agent__GatewayUrl", url)]).1, "without TLS");
    assert!(warns("ws://gateway.example.com/tunnel"));
    assert!(warns("ws://203.0.113.9:17200/tunnel"));
    for near in [
        "ws://127.0.0.1:1",
        "ws://localhost:1",
        "ws://192.168.1.2",
        "ws://[::1]:1",
        "ws://[fd00::1]",
        "ws://169.254.1.1",
    ] {
        assert!(!warns(near), "{near}");
    }
    assert!(!warns("wss://gateway.example.com/tunnel"));
}

#[test]
fn an_unchecked_certificate_warns_by_either_name() {
    for name in ["Agent__InsecureSkipVerify", "PICOTUNNEL_INSECURE"] {
        let (settings, frame) = agent_of(&[(name, "true")]);
        assert_eq!(settings.agent.trust, GatewayTrust::AcceptInvalid);
        assert_eq!(settings.agent.gateway_url.scheme_str(), Some("wss"), "it does not switch TLS off");
        assert!(warned(&frame, "InsecureSkipVerify"));
    }
    assert!(
        agent_refused(&[("Agent__CaFile", "/nonexistent.pem")]).to_string().contains("Agent__CaFile cannot be read")
    );
}

#[test]
fn a_plain_password_is_hashed_with_a_warning() {
    let pairs = [
        ("Agent__Auth__PasswordHash", ""),
        ("OCTOPORTY_UI_PASSWORD", "correct horse"),
        ("OCTOPORTY_UI_USERNAME", "me"),
    ];
    let (settings, frame) = agent_of(&pairs);
    let console = settings.console.unwrap();
    assert!(console.password_hash.as_str().starts_with("$6$"));
    assert_eq!(console.username.as_deref(), Some("me"));
    assert!(warned(&frame, "Agent__Auth__PasswordHash"));
    assert!(!frame.warnings.concat().contains("correct horse"));
    assert!(frame.banner.contains(&("Username", "me".to_owned())));
    assert!(frame.banner.contains(&("Password", "co****se".to_owned())));
}

#[test]
fn a_hash_that_lost_its_dollars_says_how_to_write_them() {
    let refused =
        agent_refused(&[("Agent__Auth__PasswordHash", "/JvHBGL2wqsmTdwJjef.IR.LHrLVocifKvx5aVlAzzLJYZr9z2fY0coQ0")]);
    assert!(refused.to_string().contains("$$"), "{refused}");
    assert!(refused.to_string().contains("`octoporty hash-password` makes a new one"), "{refused}");
}

#[test]
fn an_agent_without_a_console_needs_no_password() {
    let (settings, frame) = agent_of(&[("Agent__Console__Enabled", "false"), ("Agent__Auth__PasswordHash", "")]);
    assert!(settings.console.is_none());
    assert!(frame.banner.contains(&("Console", "off".to_owned())));
}

#[test]
fn the_database_decides_where_the_rest_is_kept() {
    let (settings, _) =
        agent_of(&[("ConnectionStrings__DefaultConnection", "Data Source=/srv/o/agent.db;Cache=Shared")]);
    assert_eq!(settings.console.unwrap().database, Path::new("/srv/o/agent.db"));
    assert_eq!(settings.agent.cache_file.unwrap(), Path::new("/srv/o/agent.state.json"));
    let sql_server = agent_refused(&[("ConnectionStrings__DefaultConnection", "Server=db;Database=o;Password=hidden")]);
    assert!(
        sql_server.to_string().contains("SQL Server") && !sql_server.to_string().contains("hidden"),
        "{sql_server}"
    );
    let (_, frame) = gateway_of(&[("ConnectionStrings__DefaultConnection", "Data Source=x")]);
    assert!(warned(&frame, "no database"));
}

#[test]
fn the_proxy_of_the_environment_is_for_public_encrypted_gateways() {
    let proxy = |pairs: &[(&str, &str)]| agent_of(pairs).0.agent.proxy.map(|uri| uri.to_string());
    let https = ("HTTPS_PROXY", "http://me:secret@proxy:3128");
    assert_eq!(proxy(&[https]).as_deref(), Some("http://me:secret@proxy:3128/"));
    assert_eq!(proxy(&[("all_proxy", "socks5://proxy:1080")]).as_deref(), Some("socks5://proxy:1080/"));
    assert_eq!(proxy(&[https, ("Agent__GatewayUrl", "ws://10.0.0.1")]), None);
    assert_eq!(proxy(&[("ALL_PROXY", "http://p:1"), ("Agent__GatewayUrl", "ws://127.0.0.1:17200")]), None);
    assert_eq!(proxy(&[https, ("NO_PROXY", "localhost,.example.com")]), None);
    assert_eq!(proxy(&[https, ("Agent__Proxy", "")]), None);
    assert_eq!(proxy(&[https, ("Agent__Proxy", "http://other:1")]).as_deref(), Some("http://other:1/"));
    let rows = agent::load(&environment(&agent_pairs(&[https]))).rows;
    let shown = &rows.iter().find(|row| row.path == "Agent__Proxy").unwrap().value;
    assert_eq!(shown, "http://****@proxy:3128 (from HTTPS_PROXY)");
}

#[test]
fn the_backs_off_cap_is_not_below_its_first_step() {
    let refused = agent_refused(&[("Agent__ReconnectDelaySeconds", "60"), ("Agent__MaxReconnectDelaySeconds", "5")]);
    assert!(refused.to_string().contains("must not be less than"), "{refused}");
}

#[test]
fn everything_of_an_agent_arrives() {
    let (settings, frame) = agent_of(&[
        ("Agent__HeartbeatIntervalSeconds", "1.5"),
        ("Agent__Links", "3"),
        ("Agent__AllowedTargets", "192.168.0.0/16,nas:80"),
        ("Agent__DeniedTargets", ""),
        ("Agent__Retention__RequestDays", "7"),
        ("Agent__ShutdownGraceSeconds", "0"),
        ("Logging__LogLevel", "Information"),
        ("Logging__FilePath", ""),
    ]);
    assert_eq!(settings.agent.heartbeat, Duration::from_millis(1500));
    assert_eq!(settings.agent.links, LinkCount::Fixed(3));
    assert_eq!(settings.agent.allowed_targets.len(), 2);
    assert!(settings.agent.denied_targets.is_empty());
    assert_eq!(settings.console.unwrap().retention.request_days, 7);
    assert_eq!(frame.grace, Duration::ZERO);
    assert_eq!(frame.logging.level, tracing::Level::INFO);
    assert_eq!(frame.logging.file, logging::LogFile::Off);
    assert_eq!(frame.role, Role::Agent);
}

#[test]
fn agents_have_a_port_of_their_own_only_if_it_is_set() {
    assert!(gateway_of(&[]).0.agents_port.is_none());
    let (config, frame) = gateway_of(&[("Gateway__TunnelPort", "8443"), ("Gateway__BindAddress", "127.0.0.1")]);
    let port = config.agents_port.unwrap();
    assert_eq!((port.listen.to_string(), port.certificate.is_none()), ("127.0.0.1:8443".to_owned(), true));
    assert!(frame.banner.contains(&("Listen for agents", "127.0.0.1:8443, not encrypted".to_owned())));
    let (config, _) = gateway_of(&[("Gateway__TunnelPort", "[::1]:0"), ("Gateway__Port", "[::1]:0")]);
    assert_eq!(config.agents_port.unwrap().listen.to_string(), "[::1]:0", "both may take any port");
}

#[test]
fn a_certificate_is_whole_and_for_the_agents_port() {
    let names = |pairs: &[(&str, &str)]| {
        let refused = gateway_refused(&[&[("Gateway__ApiKey", KEY)], pairs].concat());
        refused.problems.into_iter().map(|problem| problem.name).collect::<Vec<_>>()
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    let empty = file.path().to_str().unwrap();
    let (certificate, key) = ("Gateway__Tls__CertificateFile", "Gateway__Tls__KeyFile");
    let port = ("Gateway__TunnelPort", "8443");
    assert_eq!(names(&[port, (key, empty)]), [key]);
    assert_eq!(names(&[port, (certificate, empty)]), [certificate], "its key is nowhere");
    assert_eq!(names(&[port, (certificate, empty), (key, empty)]), [certificate], "it is empty");
    assert_eq!(names(&[(key, empty)]), [key, key], "without a certificate, and without the port");
    assert_eq!(names(&[port, ("Gateway__Port", "8443")]), ["Gateway__TunnelPort"]);
}

#[test]
fn the_banner_has_its_lines_in_order() {
    let labels = |frame: &Frame| frame.banner.iter().map(|(label, _)| *label).collect::<Vec<_>>();
    let (_, gateway) = gateway_of(&[("ASPNETCORE_ENVIRONMENT", "Staging")]);
    assert_eq!(labels(&gateway), ["ApiKey", "Edge", "GatewayFqdn", "Listen", "Environment", "Container UID:GID"]);
    assert_eq!(gateway.banner[0].1, "01****ef");
    assert_eq!(gateway.banner[2].1, "(from agent)");
    assert_eq!(gateway.banner[4].1, "Staging");
    let (_, agent) = agent_of(&[]);
    let expected = [
        "GatewayUrl",
        "ApiKey",
        "JwtSecret",
        "PasswordHash",
        "Console",
        "Database",
        "Environment",
        "Container UID:GID",
    ];
    assert_eq!(labels(&agent), expected);
    assert_eq!(agent.banner[2].1, "(not set)");
    assert_eq!(agent.banner[3].1, "$6****Q0");
    assert_eq!(agent.banner[6].1, "Production");
}

/// `UPDATE_DOCS=1 cargo test -p octoporty the_document` writes the tables anew.
#[test]
fn the_document_has_every_key_as_the_table_has_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let written = std::fs::read_to_string(&path).unwrap();
    let rendered = document::render(&written);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &rendered).unwrap();
    }
    for key in table::KEYS {
        assert!(rendered.contains(&format!("| `{}` |", key.path)), "{} is in no section of the document", key.path);
    }
    assert!(written == rendered, "docs/configuration.md is not what the table says; run with UPDATE_DOCS=1");
}

#[test]
fn who_needs_the_database_alone_is_told_of_no_other_mistake() {
    const NAME: &str = "ConnectionStrings__DefaultConnection";
    let found = |pairs: &[(&str, &str)]| agent::database_of(&environment(pairs));
    let set = [(NAME, "Data Source=/srv/o.db"), ("Agent__Port", "nonsense"), ("Agent__Prot", "1")];
    assert_eq!(found(&set).unwrap(), Path::new("/srv/o.db"));
    assert!(found(&[]).unwrap().ends_with("octoporty.db"));
    let refused = found(&[(NAME, "Server=db")]).unwrap_err().to_string();
    assert!(refused.contains(NAME) && refused.contains("SQL Server"), "{refused}");
}

#[test]
fn figures_are_off_until_a_port_is_set_and_a_port_for_all_without_a_token_warns() {
    let (_, frame) = gateway_of(&[]);
    assert!(frame.metrics.listen.is_none() && frame.metrics.token.is_none());
    for (port, listens, warns) in
        [("17202", "[::]:17202", true), ("127.0.0.1:17202", "127.0.0.1:17202", false), ("[::1]:0", "[::1]:0", false)]
    {
        let (_, frame) = gateway_of(&[("Gateway__Metrics__Port", port)]);
        assert_eq!(frame.metrics.listen, Some(listens.parse().unwrap()));
        assert_eq!(warned(&frame, "without Gateway__Metrics__Token"), warns, "{port}: {:?}", frame.warnings);
    }
    let (_, frame) = gateway_of(&[("Gateway__Metrics__Port", "17202"), ("Gateway__Metrics__Token", OTHER_KEY)]);
    assert!(frame.warnings.is_empty() && frame.metrics.token.is_some(), "{:?}", frame.warnings);
    let (_, frame) = gateway_of(&[("Gateway__Metrics__Token", OTHER_KEY)]);
    assert!(warned(&frame, "Gateway__Metrics__Port is not set"), "{:?}", frame.warnings);
    let refused = gateway_refused(&[("Gateway__ApiKey", KEY), ("Gateway__Metrics__Token", "guess-me")]).to_string();
    assert!(refused.contains("Gateway__Metrics__Token") && !refused.contains("guess-me"), "{refused}");
}

#[test]
fn an_agents_token_opens_its_console_as_well() {
    let (settings, frame) = agent_of(&[("Agent__Metrics__Token", OTHER_KEY)]);
    assert!(settings.console.unwrap().metrics_token.is_some() && frame.metrics.listen.is_none());
    assert!(frame.warnings.is_empty(), "{:?}", frame.warnings);
    let (_, frame) = agent_of(&[("Agent__Metrics__Token", OTHER_KEY), ("Agent__Console__Enabled", "false")]);
    assert!(warned(&frame, "Agent__Metrics__Token is not used"), "{:?}", frame.warnings);
}
