-- Twin of sqlite.sql: same tables, same columns, same meaning.
-- Times are milliseconds since the Unix epoch; ids are 16 bytes; digests 32.

CREATE TABLE deployment (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    epoch BIGINT NOT NULL
);
INSERT INTO deployment (id, epoch) VALUES (1, 0);

CREATE TABLE organizations (
    id BYTEA PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX organizations_name_key ON organizations (name_key);

CREATE TABLE users (
    id BYTEA PRIMARY KEY,
    organization_id BYTEA NOT NULL REFERENCES organizations (id),
    email TEXT NOT NULL,
    email_key TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    status TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    appearance TEXT NOT NULL,
    picture_version BIGINT,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_email_key ON users (email_key);
CREATE INDEX users_by_organization ON users (organization_id, name);

CREATE TABLE passwords (
    user_id BYTEA PRIMARY KEY REFERENCES users (id),
    hash TEXT NOT NULL,
    set_at BIGINT NOT NULL
);

CREATE TABLE pictures (
    user_id BYTEA PRIMARY KEY REFERENCES users (id),
    media_type TEXT NOT NULL,
    content BYTEA NOT NULL
);

-- One row per browser profile that carries our cookie; names no person.
CREATE TABLE browsers (
    id BYTEA PRIMARY KEY,
    token_digest BYTEA NOT NULL,
    always_shared BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX browsers_token_digest ON browsers (token_digest);
CREATE INDEX browsers_by_use ON browsers (last_used_at) WHERE NOT always_shared;

-- Which browsers an account has signed in from, and what its owner calls them.
CREATE TABLE known_browsers (
    user_id BYTEA NOT NULL REFERENCES users (id),
    browser_id BYTEA NOT NULL REFERENCES browsers (id),
    name TEXT,
    first_used_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, browser_id)
);
CREATE INDEX known_browsers_by_browser ON known_browsers (browser_id);

-- A session is ended by setting the last three columns, once.
CREATE TABLE sessions (
    id BYTEA PRIMARY KEY,
    token_digest BYTEA NOT NULL,
    -- The token before the present one; it may only log out, and is gone with the end.
    previous_token_digest BYTEA,
    user_id BYTEA NOT NULL REFERENCES users (id),
    organization_id BYTEA NOT NULL REFERENCES organizations (id),
    browser_id BYTEA,
    user_epoch BIGINT NOT NULL,
    organization_epoch BIGINT NOT NULL,
    deployment_epoch BIGINT NOT NULL,
    kind TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    last_active_at BIGINT NOT NULL,
    idle_deadline BIGINT NOT NULL,
    overall_deadline BIGINT NOT NULL,
    proofs TEXT NOT NULL,
    address TEXT,
    place TEXT,
    user_agent TEXT NOT NULL,
    ended_at BIGINT,
    ended_cause TEXT,
    ending_id BYTEA,
    CHECK ((ended_at IS NULL) = (ended_cause IS NULL)),
    CHECK ((ended_at IS NULL) = (ending_id IS NULL))
);
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
    id BYTEA PRIMARY KEY,
    at BIGINT NOT NULL,
    scope TEXT NOT NULL,
    organization_id BYTEA,
    user_id BYTEA,
    kept_session_id BYTEA,
    -- The counter of that scope after the act; sessions below it are over.
    epoch BIGINT,
    cause TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_user_id BYTEA,
    reason TEXT,
    sessions_ended BIGINT NOT NULL,
    browsers_ended BIGINT NOT NULL,
    expanded BOOLEAN NOT NULL
);
CREATE INDEX endings_open ON endings (id) WHERE NOT expanded;
CREATE INDEX endings_by_user ON endings (user_id, epoch) WHERE user_id IS NOT NULL;
CREATE INDEX endings_by_organization ON endings (organization_id, epoch) WHERE scope = 'organization';
CREATE INDEX endings_by_deployment ON endings (epoch) WHERE scope = 'deployment';
CREATE INDEX endings_by_time ON endings (at);

-- Opens the signed-out page of one ending, in the browser that caused it.
CREATE TABLE receipts (
    token_digest BYTEA PRIMARY KEY,
    ending_id BYTEA NOT NULL REFERENCES endings (id),
    shared BOOLEAN NOT NULL,
    -- Ended by the same act under another cause; counted on the page.
    more_sessions BIGINT NOT NULL,
    more_browsers BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX receipts_by_expiry ON receipts (expires_at);
CREATE INDEX receipts_by_ending ON receipts (ending_id);

CREATE TABLE events (
    id BYTEA PRIMARY KEY,
    at BIGINT NOT NULL,
    organization_id BYTEA,
    user_id BYTEA,
    actor_kind TEXT NOT NULL,
    actor_user_id BYTEA,
    kind TEXT NOT NULL,
    session_id BYTEA,
    browser_id BYTEA,
    ending_id BYTEA,
    cause TEXT,
    address TEXT,
    place TEXT,
    user_agent TEXT NOT NULL,
    count BIGINT NOT NULL,
    detail TEXT
);
CREATE INDEX events_by_user ON events (user_id, at, id) WHERE user_id IS NOT NULL;
CREATE INDEX events_by_time ON events (at);

-- Failures in a row; the key is a digest, see domain::throttle.
CREATE TABLE throttles (
    key BYTEA PRIMARY KEY,
    count BIGINT NOT NULL,
    last_at BIGINT NOT NULL
);
-- Without those that are off: they stay as long as their password (domain::throttle::OFF_AT).
CREATE INDEX throttles_by_time ON throttles (last_at) WHERE count < 100;

CREATE TABLE set_up_links (
    token_digest BYTEA PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
