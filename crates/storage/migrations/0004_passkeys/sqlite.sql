-- Twin of postgres.sql: same tables, same columns, same meaning.

CREATE TABLE passkeys (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id),
    -- What the authenticator calls it.
    credential_id BLOB NOT NULL,
    -- The verifier's own format, which has a version.
    credential TEXT NOT NULL,
    format INTEGER NOT NULL,
    name TEXT NOT NULL,
    counter INTEGER NOT NULL,
    backup_eligible INTEGER NOT NULL CHECK (backup_eligible IN (0, 1)),
    backed_up INTEGER NOT NULL CHECK (backed_up IN (0, 1)),
    discoverable INTEGER NOT NULL CHECK (discoverable IN (0, 1)),
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    -- When its counter last went backwards.
    suspicious_at INTEGER
) STRICT;
CREATE UNIQUE INDEX passkeys_credential_id ON passkeys (credential_id);
CREATE INDEX passkeys_by_user ON passkeys (user_id, created_at, id);

-- What authenticators call an account: random, and nothing else.
CREATE TABLE user_handles (
    user_id BLOB NOT NULL PRIMARY KEY REFERENCES users (id),
    handle BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX user_handles_handle ON user_handles (handle);

-- A challenge that waits for its answer; the row goes with the first one.
CREATE TABLE ceremonies (
    token_digest BLOB NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    user_id BLOB,
    -- The digest of the session or of the pre-session that asked.
    holder BLOB NOT NULL,
    state TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX ceremonies_by_expiry ON ceremonies (expires_at);
