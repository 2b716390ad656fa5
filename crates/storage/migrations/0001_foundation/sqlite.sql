-- Twin of postgres.sql: same tables, same columns, same meaning.
-- Times are milliseconds since the Unix epoch; ids are 16 bytes; digests 32.

CREATE TABLE deployment (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL
) STRICT;
INSERT INTO deployment (id, epoch) VALUES (1, 0);

CREATE TABLE organizations (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    settings TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX organizations_name_key ON organizations (name_key);

CREATE TABLE users (
    id BLOB NOT NULL PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organizations (id),
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    status TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    appearance TEXT NOT NULL,
    picture_version INTEGER,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX users_email_key ON users (email_key);
CREATE INDEX users_by_organization ON users (organization_id, name);

CREATE TABLE passwords (
    user_id BLOB NOT NULL PRIMARY KEY REFERENCES users (id),
    hash TEXT NOT NULL,
    set_at INTEGER NOT NULL
) STRICT;

CREATE TABLE pictures (
    user_id BLOB NOT NULL PRIMARY KEY REFERENCES users (id),
    media_type TEXT NOT NULL,
    content BLOB NOT NULL
) STRICT;

-- One row per browser profile that carries our cookie; names no person.
CREATE TABLE browsers (
    id BLOB NOT NULL PRIMARY KEY,
    token_digest BLOB NOT NULL,
    always_shared INTEGER NOT NULL CHECK (always_shared IN (0, 1)),
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX browsers_token_digest ON browsers (token_digest);
CREATE INDEX browsers_by_use ON browsers (last_used_at) WHERE NOT always_shared;

-- Which browsers an account has signed in from, and what its owner calls them.
CREATE TABLE known_browsers (
    user_id BLOB NOT NULL REFERENCES users (id),
    browser_id BLOB NOT NULL REFERENCES browsers (id),
    name TEXT,
    first_used_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, browser_id)
) STRICT;
CREATE INDEX known_browsers_by_browser ON known_browsers (browser_id);

-- A session is ended by setting the last three columns, once.
CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY,
    token_digest BLOB NOT NULL,
    -- The token before the present one; it may only log out, and is gone with the end.
    previous_token_digest BLOB,
    user_id BLOB NOT NULL REFERENCES users (id),
    organization_id BLOB NOT NULL REFERENCES organizations (id),
    browser_id BLOB,
    user_epoch INTEGER NOT NULL,
    organization_epoch INTEGER NOT NULL,
    deployment_epoch INTEGER NOT NULL,
    kind TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    authenticated_at INTEGER NOT NULL,
    last_active_at INTEGER NOT NULL,
    idle_deadline INTEGER NOT NULL,
    overall_deadline INTEGER NOT NULL,
    proofs TEXT NOT NULL,
    address TEXT,
    place TEXT,
    user_agent TEXT NOT NULL,
    ended_at INTEGER,
    ended_cause TEXT,
    ending_id BLOB,
    CHECK ((ended_at IS NULL) = (ended_cause IS NULL)),
    CHECK ((ended_at IS NULL) = (ending_id IS NULL))
) STRICT;
CREATE UNIQUE INDEX sessions_token_digest ON sessions (token_digest);
CREATE INDEX sessions_previous_token_digest ON sessions (previous_token_digest) WHERE previous_token_digest IS NOT NULL;
CREATE INDEX sessions_live_by_user ON sessions (user_id, last_active_at) WHERE ended_at IS NULL;
CREATE INDEX sessions_live_by_organization ON sessions (organization_id, organization_epoch) WHERE ended_at IS NULL;
CREATE INDEX sessions_live_by_deployment ON sessions (deployment_epoch) WHERE ended_at IS NULL;
CREATE INDEX sessions_live_by_browser ON sessions (browser_id) WHERE ended_at IS NULL AND browser_id IS NOT NULL;
CREATE INDEX sessions_live_by_deadline ON sessions (idle_deadline) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_ending ON sessions (ending_id) WHERE ending_id IS NOT NULL;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;

-- One act that ended sessions: how far, why, by whom.
CREATE TABLE endings (
    id BLOB NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    scope TEXT NOT NULL,
    organization_id BLOB,
    user_id BLOB,
    kept_session_id BLOB,
    -- The counter of that scope after the act; sessions below it are over.
    epoch INTEGER,
    cause TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_user_id BLOB,
    reason TEXT,
    sessions_ended INTEGER NOT NULL,
    browsers_ended INTEGER NOT NULL,
    expanded INTEGER NOT NULL CHECK (expanded IN (0, 1))
) STRICT;
CREATE INDEX endings_open ON endings (id) WHERE NOT expanded;
CREATE INDEX endings_by_user ON endings (user_id, epoch) WHERE user_id IS NOT NULL;
CREATE INDEX endings_by_organization ON endings (organization_id, epoch) WHERE scope = 'organization';
CREATE INDEX endings_by_deployment ON endings (epoch) WHERE scope = 'deployment';
CREATE INDEX endings_by_time ON endings (at);

-- Opens the signed-out page of one ending, in the browser that caused it.
CREATE TABLE receipts (
    token_digest BLOB NOT NULL PRIMARY KEY,
    ending_id BLOB NOT NULL REFERENCES endings (id),
    shared INTEGER NOT NULL CHECK (shared IN (0, 1)),
    -- Ended by the same act under another cause; counted on the page.
    more_sessions INTEGER NOT NULL,
    more_browsers INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX receipts_by_expiry ON receipts (expires_at);
CREATE INDEX receipts_by_ending ON receipts (ending_id);

CREATE TABLE events (
    id BLOB NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    organization_id BLOB,
    user_id BLOB,
    actor_kind TEXT NOT NULL,
    actor_user_id BLOB,
    kind TEXT NOT NULL,
    session_id BLOB,
    browser_id BLOB,
    ending_id BLOB,
    cause TEXT,
    address TEXT,
    place TEXT,
    user_agent TEXT NOT NULL,
    count INTEGER NOT NULL,
    detail TEXT
) STRICT;
CREATE INDEX events_by_user ON events (user_id, at, id) WHERE user_id IS NOT NULL;
CREATE INDEX events_by_time ON events (at);

-- Failures in a row; the key is a digest, see domain::throttle.
CREATE TABLE throttles (
    key BLOB NOT NULL PRIMARY KEY,
    count INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT;
-- Without those that are off: they stay as long as their password (domain::throttle::OFF_AT).
CREATE INDEX throttles_by_time ON throttles (last_at) WHERE count < 100;

CREATE TABLE set_up_links (
    token_digest BLOB NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT;
