-- Twin of sqlite.sql: same tables, same columns, same meaning.
-- Times are milliseconds since the Unix epoch; ids are 16 bytes; digests 32.

-- Browsers that show a code and wait for a phone. The columns of the approval are set together, once.
CREATE TABLE phone_sign_ins (
    id BYTEA NOT NULL PRIMARY KEY,
    token_digest BYTEA NOT NULL,
    code_digest BYTEA NOT NULL,
    network_digest BYTEA,
    address TEXT,
    place TEXT,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    refused_at BIGINT,
    approved_at BIGINT,
    user_id BYTEA REFERENCES users (id),
    -- The approver's session, which must still be live when the approval is used.
    session_id BYTEA,
    user_epoch BIGINT,
    organization_epoch BIGINT,
    deployment_epoch BIGINT,
    CHECK ((approved_at IS NULL) = (user_id IS NULL)),
    CHECK ((approved_at IS NULL) = (session_id IS NULL)),
    CHECK ((approved_at IS NULL) = (user_epoch IS NULL)),
    CHECK ((approved_at IS NULL) = (organization_epoch IS NULL)),
    CHECK ((approved_at IS NULL) = (deployment_epoch IS NULL))
);
CREATE UNIQUE INDEX phone_sign_ins_token_digest ON phone_sign_ins (token_digest);
CREATE UNIQUE INDEX phone_sign_ins_code_digest ON phone_sign_ins (code_digest);
CREATE INDEX phone_sign_ins_by_network ON phone_sign_ins (network_digest, expires_at) WHERE network_digest IS NOT NULL;
CREATE INDEX phone_sign_ins_by_expiry ON phone_sign_ins (expires_at);
CREATE INDEX phone_sign_ins_by_user ON phone_sign_ins (user_id) WHERE user_id IS NOT NULL;
