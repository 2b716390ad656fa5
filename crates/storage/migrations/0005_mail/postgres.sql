-- Twin of sqlite.sql: same tables, same columns, same meaning.
-- Times are milliseconds since the Unix epoch; ids are 16 bytes.

-- What is to be sent. A row is written in the transaction of what it reports.
CREATE TABLE mails (
    id BYTEA PRIMARY KEY,
    created_at BIGINT NOT NULL,
    recipient TEXT NOT NULL,
    -- The kind of message, and JSON with what it tells. Never a secret.
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    user_id BYTEA REFERENCES users (id),
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    -- When it is tried next; while it is being tried, the end of the lease.
    next_at BIGINT NOT NULL,
    finished_at BIGINT,
    last_error TEXT,
    CHECK ((state = 'queued') = (finished_at IS NULL))
);
CREATE INDEX mails_due ON mails (next_at) WHERE finished_at IS NULL;
CREATE INDEX mails_finished ON mails (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX mails_by_user ON mails (user_id, kind, created_at) WHERE user_id IS NOT NULL;

-- What a link in a mail may do. Its token is derived from the id and a key that is not in here.
CREATE TABLE mail_links (
    id BYTEA PRIMARY KEY,
    kind TEXT NOT NULL,
    user_id BYTEA NOT NULL REFERENCES users (id),
    -- Where the mail with this link went.
    recipient TEXT NOT NULL,
    session_id BYTEA,
    password_set_at BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX mail_links_by_expiry ON mail_links (expires_at);
CREATE INDEX mail_links_by_user ON mail_links (user_id);
