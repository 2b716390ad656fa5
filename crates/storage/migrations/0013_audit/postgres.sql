-- Twin of sqlite.sql: same tables, same columns, same meaning.
-- Times are milliseconds since the Unix epoch; ids are 16 bytes; digests 32.

-- Whether a line has its place in the chain. Until then it may gather more of the same.
ALTER TABLE events ADD COLUMN sealed BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX events_unsealed ON events (at, id) WHERE NOT sealed;

-- The places of the history's lines. One chain for each organization, and one, under sixteen zero bytes, for what
-- concerns none.
CREATE TABLE audit_chain (
    chain BYTEA NOT NULL,
    -- From 1, without a gap.
    number BIGINT NOT NULL,
    event_id BYTEA NOT NULL,
    -- Opens the commitment; gone with what it binds.
    salt BYTEA,
    commitment BYTEA NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (chain, number)
);
CREATE UNIQUE INDEX audit_chain_event ON audit_chain (event_id);

-- How far each chain has come, and up to where its lines were deleted when their time was over.
CREATE TABLE audit_heads (
    chain BYTEA NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    pruned_number BIGINT NOT NULL,
    pruned_digest BYTEA NOT NULL
);
