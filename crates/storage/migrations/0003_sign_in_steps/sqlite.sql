-- Twin of postgres.sql: same tables, same columns, same meaning.

-- A right password that waits for a second factor. It is no session.
CREATE TABLE pending_sign_ins (
    token_digest BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id),
    user_epoch INTEGER NOT NULL,
    organization_epoch INTEGER NOT NULL,
    deployment_epoch INTEGER NOT NULL,
    password_set_at INTEGER,
    browser_id BLOB,
    -- The token of the session that this browser held.
    replaces BLOB,
    remember INTEGER NOT NULL CHECK (remember IN (0, 1)),
    shared INTEGER NOT NULL CHECK (shared IN (0, 1)),
    return_to TEXT NOT NULL,
    proofs TEXT NOT NULL,
    wrong_codes INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX pending_sign_ins_by_user ON pending_sign_ins (user_id);
CREATE INDEX pending_sign_ins_by_expiry ON pending_sign_ins (expires_at);

-- Browsers that stand in for a person's second factor.
CREATE TABLE remembered_factors (
    id BLOB NOT NULL PRIMARY KEY,
    token_digest BLOB NOT NULL,
    user_id BLOB NOT NULL REFERENCES users (id),
    browser_id BLOB NOT NULL,
    user_epoch INTEGER NOT NULL,
    organization_epoch INTEGER NOT NULL,
    deployment_epoch INTEGER NOT NULL,
    password_set_at INTEGER,
    -- A digest of what the person had set up; any change of it ends this.
    factors BLOB NOT NULL,
    user_agent TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX remembered_factors_user_browser ON remembered_factors (user_id, browser_id);
CREATE INDEX remembered_factors_by_token ON remembered_factors (token_digest);
CREATE INDEX remembered_factors_by_expiry ON remembered_factors (expires_at);
CREATE INDEX remembered_factors_by_user ON remembered_factors (user_id, last_used_at, id);
