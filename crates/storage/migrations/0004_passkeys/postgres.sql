-- Twin of sqlite.sql: same tables, same columns, same meaning.

CREATE TABLE passkeys (
    id BYTEA PRIMARY KEY,
    user_id BYTEA NOT NULL REFERENCES users (id),
    -- What the authenticator calls it.
    credential_id BYTEA NOT NULL,
    -- The verifier's own format, which has a version.
    credential TEXT NOT NULL,
    format BIGINT NOT NULL,
    name TEXT NOT NULL,
    counter BIGINT NOT NULL,
    backup_eligible BOOLEAN NOT NULL,
    backed_up BOOLEAN NOT NULL,
    discoverable BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    -- When its counter last went backwards.
    suspicious_at BIGINT
);
CREATE UNIQUE INDEX passkeys_credential_id ON passkeys (credential_id);
CREATE INDEX passkeys_by_user ON passkeys (user_id, created_at, id);

-- What authenticators call an account: random, and nothing else.
CREATE TABLE user_handles (
    user_id BYTEA PRIMARY KEY REFERENCES users (id),
    handle BYTEA NOT NULL
);
CREATE UNIQUE INDEX user_handles_handle ON user_handles (handle);

-- A challenge that waits for its answer; the row goes with the first one.
CREATE TABLE ceremonies (
    token_digest BYTEA PRIMARY KEY,
    kind TEXT NOT NULL,
    user_id BYTEA,
    -- The digest of the session or of the pre-session that asked.
    holder BYTEA NOT NULL,
    state TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX ceremonies_by_expiry ON ceremonies (expires_at);
