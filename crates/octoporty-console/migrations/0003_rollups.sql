-- Figures that outlive the request log, by slices of a minute, an hour and a day (UTC). The same numbers are added to
-- all three when they come, so that they agree. Bytes of `rollups` are those of bodies of finished requests.
CREATE TABLE rollups (
    -- Length of the slice, seconds: 60, 3600 or 86400.
    step_s            INTEGER NOT NULL,
    begin_ms          INTEGER NOT NULL,
    -- Empty: all mappings together.
    mapping           TEXT    NOT NULL,
    requests          INTEGER NOT NULL,
    -- Failed: status 500 and above, or cut.
    errors            INTEGER NOT NULL,
    answers_1xx       INTEGER NOT NULL,
    answers_2xx       INTEGER NOT NULL,
    answers_3xx       INTEGER NOT NULL,
    answers_4xx       INTEGER NOT NULL,
    answers_5xx       INTEGER NOT NULL,
    bytes_to_targets  INTEGER NOT NULL,
    bytes_to_visitors INTEGER NOT NULL,
    total_us          INTEGER NOT NULL,
    -- How many took how long: pairs of a bin (one byte) and a count (LEB128), bins rising.
    times             BLOB    NOT NULL,
    PRIMARY KEY (step_s, begin_ms, mapping)
) STRICT, WITHOUT ROWID;

-- The tunnel. A slice in which the agent did not run has no row.
CREATE TABLE tunnel_rollups (
    step_s            INTEGER NOT NULL,
    begin_ms          INTEGER NOT NULL,
    -- How long the agent ran, and how long of that it was connected.
    observed_ms       INTEGER NOT NULL,
    connected_ms      INTEGER NOT NULL,
    -- Bytes of streams, whether their requests have ended or not.
    bytes_to_targets  INTEGER NOT NULL,
    bytes_to_visitors INTEGER NOT NULL,
    PRIMARY KEY (step_s, begin_ms)
) STRICT, WITHOUT ROWID;
