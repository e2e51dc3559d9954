-- Finished requests by the block: rows as the gateway packed them (docs/PROTOCOL.md), in the order in which they ended,
-- compressed by LZ4. A row each cost more than the request did. The row `n` of a block has the id `first_id + n`.
DROP TABLE request_log;
CREATE TABLE request_blocks (
    first_id  INTEGER NOT NULL PRIMARY KEY,
    rows      INTEGER NOT NULL,
    -- Earliest and latest arrival, Unix milliseconds.
    oldest_ms INTEGER NOT NULL,
    newest_ms INTEGER NOT NULL,
    -- Bit n: there are answers of the class nxx.
    classes   INTEGER NOT NULL,
    -- Of the rows before they were compressed.
    raw_bytes INTEGER NOT NULL,
    body      BLOB    NOT NULL
) STRICT;
