-- Twin of postgres.sql: same tables, same columns, same meaning.
-- Times are milliseconds since the Unix epoch; ids are 16 bytes; digests 32.

-- When people last looked at their login history.
CREATE TABLE reviews (
    user_id BLOB NOT NULL PRIMARY KEY REFERENCES users (id),
    reviewed_at INTEGER NOT NULL
) STRICT;
