-- Twin of sqlite.sql: same tables, same columns, same meaning.
-- Times are milliseconds since the Unix epoch; ids are 16 bytes; digests 32.

-- When people last looked at their login history.
CREATE TABLE reviews (
    user_id BYTEA NOT NULL PRIMARY KEY REFERENCES users (id),
    reviewed_at BIGINT NOT NULL
);
