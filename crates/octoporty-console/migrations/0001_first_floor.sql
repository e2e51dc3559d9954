-- Times are Unix milliseconds in UTC.

CREATE TABLE mappings (
    id             TEXT    NOT NULL PRIMARY KEY,
    name           TEXT    NOT NULL,
    kind           TEXT    NOT NULL,
    domain         TEXT    NOT NULL,
    path_prefix    TEXT    NOT NULL,
    strip_prefix   INTEGER NOT NULL,
    target_scheme  TEXT    NOT NULL,
    target_host    TEXT    NOT NULL,
    target_port    INTEGER NOT NULL,
    allow_invalid  INTEGER NOT NULL,
    host_header    TEXT    NOT NULL,
    compression    TEXT    NOT NULL,
    enabled        INTEGER NOT NULL,
    revision       INTEGER NOT NULL,
    created_ms     INTEGER NOT NULL,
    updated_ms     INTEGER NOT NULL,
    UNIQUE (kind, domain, path_prefix)
) STRICT;

CREATE TABLE settings (
    key        TEXT    NOT NULL PRIMARY KEY,
    value      TEXT    NOT NULL,
    updated_ms INTEGER NOT NULL
) STRICT;

-- One row: rises with each change of what the gateway shall serve.
CREATE TABLE desired_revision (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    value    INTEGER NOT NULL
) STRICT;
INSERT INTO desired_revision (only_row, value) VALUES (1, 1);

CREATE TABLE request_log (
    id             INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    mapping        TEXT    NOT NULL,
    request_id     TEXT    NOT NULL,
    at_ms          INTEGER NOT NULL,
    method         TEXT    NOT NULL,
    host           TEXT    NOT NULL,
    path           TEXT    NOT NULL,
    query          TEXT,
    status         INTEGER NOT NULL,
    error          TEXT,
    error_detail   TEXT,
    gateway_us     INTEGER NOT NULL,
    first_byte_us  INTEGER,
    total_us       INTEGER NOT NULL,
    request_bytes  INTEGER NOT NULL,
    response_bytes INTEGER NOT NULL,
    client         TEXT    NOT NULL,
    user_agent     TEXT
) STRICT;
CREATE INDEX request_log_by_mapping ON request_log (mapping, id);
CREATE INDEX request_log_by_time ON request_log (at_ms);

CREATE TABLE connection_log (
    id              INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    session         TEXT    NOT NULL UNIQUE,
    started_ms      INTEGER NOT NULL,
    ended_ms        INTEGER,
    end_reason      TEXT,
    end_detail      TEXT,
    gateway_url     TEXT    NOT NULL,
    gateway_version TEXT    NOT NULL,
    agent_version   TEXT    NOT NULL,
    transport       TEXT    NOT NULL,
    links           INTEGER NOT NULL
) STRICT;
CREATE INDEX connection_log_by_time ON connection_log (started_ms);

-- Only hashes of tokens are kept. A family is one login; its tokens follow each other by rotation.
CREATE TABLE refresh_tokens (
    hash       TEXT    NOT NULL PRIMARY KEY,
    family     TEXT    NOT NULL,
    subject    TEXT    NOT NULL,
    issued_ms  INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    used_ms    INTEGER,
    revoked_ms INTEGER
) STRICT;
CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family);

CREATE TABLE lockouts (
    key           TEXT    NOT NULL PRIMARY KEY,
    failures      INTEGER NOT NULL,
    locks         INTEGER NOT NULL,
    locked_until_ms INTEGER NOT NULL,
    last_failure_ms INTEGER NOT NULL,
    last_success_ms INTEGER NOT NULL
) STRICT;
