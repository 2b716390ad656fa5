-- Twin of sqlite.sql: same tables, same columns, same meaning.
-- Times are milliseconds since the Unix epoch; ids are 16 bytes; digests 32.

-- The hosts of apps behind a proxy, by what `Host` says; written with the registration of their app.
CREATE TABLE protected_hosts (
    host TEXT NOT NULL PRIMARY KEY,
    client_id BYTEA NOT NULL REFERENCES relying_parties (id)
);
CREATE INDEX protected_hosts_by_client ON protected_hosts (client_id);

-- The cookie of a browser on a protected host. It has no life of its own: its session decides.
CREATE TABLE host_sessions (
    digest BYTEA NOT NULL PRIMARY KEY,
    session_id BYTEA NOT NULL,
    client_id BYTEA NOT NULL REFERENCES relying_parties (id),
    -- The origin for which it was issued.
    host TEXT NOT NULL,
    client_epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When the row may be deleted; it decides nothing.
    keep_until BIGINT NOT NULL
);
CREATE INDEX host_sessions_by_session ON host_sessions (session_id, client_id);
CREATE INDEX host_sessions_by_end ON host_sessions (keep_until);

-- Groups of people, for the rules of apps.
CREATE TABLE user_groups (
    id BYTEA NOT NULL PRIMARY KEY,
    organization_id BYTEA NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX user_groups_name_key ON user_groups (organization_id, name_key);

CREATE TABLE group_members (
    user_id BYTEA NOT NULL REFERENCES users (id),
    group_id BYTEA NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, group_id)
);
CREATE INDEX group_members_by_group ON group_members (group_id, user_id);
