-- Twin of postgres.sql: same tables, same columns, same meaning.
-- Times are milliseconds since the Unix epoch; ids are 16 bytes; digests 32.

-- Ends the long-lived grants of a user, which outlive "log out of all sessions" unless asked otherwise.
ALTER TABLE users ADD COLUMN offline_epoch INTEGER NOT NULL DEFAULT 0;

-- The app that an ending was about.
ALTER TABLE endings ADD COLUMN client_id BLOB;

-- The session of the browser that holds the receipt: of an ending of many people, it shows just this one's apps.
ALTER TABLE receipts ADD COLUMN session_id BLOB;

-- Apps that sign people in through us: relying parties in the words of OpenID Connect.
CREATE TABLE relying_parties (
    id BLOB NOT NULL PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organizations (id),
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    -- JSON, see domain::relying_party::Registration.
    registration TEXT NOT NULL,
    secret_digest BLOB,
    status TEXT NOT NULL,
    -- Raised when the app is withdrawn: ends everything that it holds.
    epoch INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX relying_parties_name_key ON relying_parties (organization_id, name_key);

-- Which apps a session entered. Kept as long as ended sessions are.
CREATE TABLE entries (
    session_id BLOB NOT NULL,
    client_id BLOB NOT NULL REFERENCES relying_parties (id),
    user_id BLOB NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    -- The app was told, or will be, that this is over.
    left_at INTEGER,
    PRIMARY KEY (session_id, client_id)
) STRICT;
CREATE INDEX entries_open_by_client ON entries (client_id, session_id) WHERE left_at IS NULL;
CREATE INDEX entries_open_by_user ON entries (user_id, client_id) WHERE left_at IS NULL;
CREATE INDEX entries_left ON entries (left_at) WHERE left_at IS NOT NULL;

-- What an app may do in the name of a person: a refresh-token family, bound to a session or long-lived.
CREATE TABLE grants (
    id BLOB NOT NULL PRIMARY KEY,
    client_id BLOB NOT NULL REFERENCES relying_parties (id),
    user_id BLOB NOT NULL REFERENCES users (id),
    organization_id BLOB NOT NULL REFERENCES organizations (id),
    -- Where it was made; a long-lived one outlives that session.
    session_id BLOB NOT NULL,
    offline INTEGER NOT NULL CHECK (offline IN (0, 1)),
    organization_epoch INTEGER NOT NULL,
    deployment_epoch INTEGER NOT NULL,
    offline_epoch INTEGER NOT NULL,
    client_epoch INTEGER NOT NULL,
    scopes TEXT NOT NULL,
    authenticated_at INTEGER NOT NULL,
    proofs TEXT NOT NULL,
    -- The half of its tokens that only the database has; the other is a key that it does not.
    seed BLOB NOT NULL,
    -- How many times the refresh token was replaced.
    generation INTEGER NOT NULL,
    rotated_at INTEGER NOT NULL,
    idle_deadline INTEGER NOT NULL,
    overall_deadline INTEGER NOT NULL,
    -- Access tokens older than this are void.
    access_from INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    revoked_at INTEGER,
    revoked_cause TEXT,
    CHECK ((revoked_at IS NULL) = (revoked_cause IS NULL))
) STRICT;
CREATE INDEX grants_by_session ON grants (session_id, client_id) WHERE revoked_at IS NULL;
CREATE INDEX grants_offline_by_user ON grants (user_id, client_id) WHERE offline AND revoked_at IS NULL;
CREATE INDEX grants_by_deadline ON grants (overall_deadline);

-- Authorization codes, by their digest.
CREATE TABLE authorization_codes (
    digest BLOB NOT NULL PRIMARY KEY,
    client_id BLOB NOT NULL REFERENCES relying_parties (id),
    session_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    client_epoch INTEGER NOT NULL,
    redirect_uri TEXT NOT NULL,
    scopes TEXT NOT NULL,
    nonce TEXT,
    -- S256 of the verifier, as it was sent (RFC 7636).
    challenge TEXT NOT NULL,
    -- What else was asked for, as JSON.
    request TEXT NOT NULL,
    authenticated_at INTEGER NOT NULL,
    proofs TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    -- What the first use issued; a second one revokes it (RFC 6749 section 4.1.2).
    grant_id BLOB
) STRICT;
CREATE INDEX authorization_codes_by_expiry ON authorization_codes (expires_at);

-- Authorization requests that wait for a sign-in, a proof or consent.
CREATE TABLE authorization_requests (
    digest BLOB NOT NULL PRIMARY KEY,
    client_id BLOB NOT NULL REFERENCES relying_parties (id),
    -- JSON, see protocols::oidc::authorize.
    request TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX authorization_requests_by_expiry ON authorization_requests (expires_at);

-- What people agreed to.
CREATE TABLE consents (
    user_id BLOB NOT NULL REFERENCES users (id),
    client_id BLOB NOT NULL REFERENCES relying_parties (id),
    scopes TEXT NOT NULL,
    given_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, client_id)
) STRICT;

-- Keys that sign tokens. The private half is sealed, and goes when the key is retired; the public half stays,
-- since an old ID token must still be good for logging out.
CREATE TABLE signing_keys (
    id BLOB NOT NULL PRIMARY KEY,
    algorithm TEXT NOT NULL,
    public_jwk TEXT NOT NULL,
    sealed_private BLOB,
    created_at INTEGER NOT NULL,
    -- Published before it signs.
    signs_from INTEGER NOT NULL,
    signs_until INTEGER
) STRICT;

-- One logout to tell one app, at one address.
CREATE TABLE notices (
    id BLOB NOT NULL PRIMARY KEY,
    ending_id BLOB NOT NULL,
    client_id BLOB NOT NULL,
    session_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    organization_id BLOB NOT NULL,
    channel TEXT NOT NULL,
    -- Everything that telling takes, as JSON, so that it outlives app and account.
    envelope TEXT NOT NULL,
    ended_at INTEGER NOT NULL,
    lane TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    -- When it is tried next; while it is being tried, the end of the claim.
    next_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- After that it is not tried any more.
    give_up_at INTEGER NOT NULL,
    finished_at INTEGER,
    last_status INTEGER,
    last_error TEXT,
    CHECK ((state = 'waiting') = (finished_at IS NULL))
) STRICT;
CREATE INDEX notices_due ON notices (channel, lane, next_at) WHERE finished_at IS NULL;
-- One app after the other, so that none waits behind another.
CREATE INDEX notices_due_by_client ON notices (channel, lane, client_id, next_at) WHERE finished_at IS NULL;
CREATE INDEX notices_by_give_up ON notices (channel, give_up_at) WHERE finished_at IS NULL;
CREATE INDEX notices_waiting_by_client ON notices (client_id, id) WHERE finished_at IS NULL;
-- What operators look at, and may send again.
CREATE INDEX notices_undelivered ON notices (id) WHERE state = 'failed' OR state = 'gave_up';
-- The pull feed of an app.
CREATE INDEX notices_pulled ON notices (client_id, id) WHERE channel = 'pull';
CREATE INDEX notices_by_ending ON notices (ending_id, id);
CREATE INDEX notices_by_session ON notices (session_id, id);
CREATE INDEX notices_by_client ON notices (client_id, id);
CREATE INDEX notices_finished ON notices (finished_at) WHERE finished_at IS NOT NULL;

-- Which reader of the pull feed has acknowledged which notice (RFC 8936).
CREATE TABLE feed_acknowledgements (
    notice_id BLOB NOT NULL REFERENCES notices (id) ON DELETE CASCADE,
    reader TEXT NOT NULL,
    acknowledged_at INTEGER NOT NULL,
    PRIMARY KEY (notice_id, reader)
) STRICT;

-- The readers of an app's pull feed, each with its own position.
CREATE TABLE feed_readers (
    client_id BLOB NOT NULL REFERENCES relying_parties (id),
    reader TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (client_id, reader)
) STRICT;
CREATE INDEX feed_readers_by_use ON feed_readers (last_at);

-- Identifiers of signed assertions that were used, so that none is used twice (RFC 7523).
CREATE TABLE used_assertions (
    digest BLOB NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX used_assertions_by_expiry ON used_assertions (expires_at);
