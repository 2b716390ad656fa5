-- Twin of postgres.sql: same tables, same columns, same meaning.
-- Times are milliseconds since the Unix epoch; ids are 16 bytes; digests 32.

-- Whether a line has its place in the chain. Until then it may gather more of the same.
ALTER TABLE events ADD COLUMN sealed INTEGER NOT NULL CHECK (sealed IN (0, 1)) DEFAULT false;
CREATE INDEX events_unsealed ON events (at, id) WHERE NOT sealed;

-- The places of the history's lines. One chain for each organization, and one, under sixteen zero bytes, for what
-- concerns none.
CREATE TABLE audit_chain (
    chain BLOB NOT NULL,
    -- From 1, without a gap.
    number INTEGER NOT NULL,
    event_id BLOB NOT NULL,
    -- Opens the commitment; gone with what it binds.
    salt BLOB,
    commitment BLOB NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (chain, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX audit_chain_event ON audit_chain (event_id);

-- How far each chain has come, and up to where its lines were deleted when their time was over.
CREATE TABLE audit_heads (
    chain BLOB NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL,
    digest BLOB NOT NULL,
    pruned_number INTEGER NOT NULL,
    pruned_digest BLOB NOT NULL
) STRICT;
