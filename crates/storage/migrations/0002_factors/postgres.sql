-- Twin of sqlite.sql: same tables, same columns, same meaning.

-- Apps that show one-time codes. The seed is sealed with a key that is not in
-- this database; an app counts from the moment it is confirmed.
CREATE TABLE authenticator_apps (
    id BYTEA PRIMARY KEY,
    user_id BYTEA NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    sealed_seed BYTEA NOT NULL,
    -- The newest time step whose code was accepted; it and older ones are spent.
    last_used_step BIGINT,
    created_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX authenticator_apps_by_user ON authenticator_apps (user_id, created_at, id);
CREATE INDEX authenticator_apps_unconfirmed ON authenticator_apps (created_at) WHERE confirmed_at IS NULL;

-- One set per user; making a new one deletes the old. The label is the first
-- character of the code and no secret, the hash is a slow and salted one.
CREATE TABLE recovery_codes (
    id BYTEA PRIMARY KEY,
    user_id BYTEA NOT NULL REFERENCES users (id),
    set_id BYTEA NOT NULL,
    label TEXT NOT NULL,
    hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE UNIQUE INDEX recovery_codes_label ON recovery_codes (user_id, label);
