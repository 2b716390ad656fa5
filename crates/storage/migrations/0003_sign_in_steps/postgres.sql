-- Twin of sqlite.sql: same tables, same columns, same meaning.

-- A right password that waits for a second factor. It is no session.
CREATE TABLE pending_sign_ins (
    token_digest BYTEA PRIMARY KEY,
    user_id BYTEA NOT NULL REFERENCES users (id),
    user_epoch BIGINT NOT NULL,
    organization_epoch BIGINT NOT NULL,
    deployment_epoch BIGINT NOT NULL,
    password_set_at BIGINT,
    browser_id BYTEA,
    -- The token of the session that this browser held.
    replaces BYTEA,
    remember BOOLEAN NOT NULL,
    shared BOOLEAN NOT NULL,
    return_to TEXT NOT NULL,
    proofs TEXT NOT NULL,
    wrong_codes BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX pending_sign_ins_by_user ON pending_sign_ins (user_id);
CREATE INDEX pending_sign_ins_by_expiry ON pending_sign_ins (expires_at);

-- Browsers that stand in for a person's second factor.
CREATE TABLE remembered_factors (
    id BYTEA PRIMARY KEY,
    token_digest BYTEA NOT NULL,
    user_id BYTEA NOT NULL REFERENCES users (id),
    browser_id BYTEA NOT NULL,
    user_epoch BIGINT NOT NULL,
    organization_epoch BIGINT NOT NULL,
    deployment_epoch BIGINT NOT NULL,
    password_set_at BIGINT,
    -- A digest of what the person had set up; any change of it ends this.
    factors BYTEA NOT NULL,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX remembered_factors_user_browser ON remembered_factors (user_id, browser_id);
CREATE INDEX remembered_factors_by_token ON remembered_factors (token_digest);
CREATE INDEX remembered_factors_by_expiry ON remembered_factors (expires_at);
CREATE INDEX remembered_factors_by_user ON remembered_factors (user_id, last_used_at, id);
