-- Twin of postgres.sql: same tables, same columns, same meaning.
-- Times are milliseconds since the Unix epoch; ids are 16 bytes; digests 32.

-- Browsers that show a code and wait for a phone. The columns of the approval are set together, once.
CREATE TABLE phone_sign_ins (
    id BLOB NOT NULL PRIMARY KEY,
    token_digest BLOB NOT NULL,
    code_digest BLOB NOT NULL,
    network_digest BLOB,
    address TEXT,
    place TEXT,
    user_agent TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    refused_at INTEGER,
    approved_at INTEGER,
    user_id BLOB REFERENCES users (id),
    -- The approver's session, which must still be live when the approval is used.
    session_id BLOB,
    user_epoch INTEGER,
    organization_epoch INTEGER,
    deployment_epoch INTEGER,
    CHECK ((approved_at IS NULL) = (user_id IS NULL)),
    CHECK ((approved_at IS NULL) = (session_id IS NULL)),
    CHECK ((approved_at IS NULL) = (user_epoch IS NULL)),
    CHECK ((approved_at IS NULL) = (organization_epoch IS NULL)),
    CHECK ((approved_at IS NULL) = (deployment_epoch IS NULL))
) STRICT;
CREATE UNIQUE INDEX phone_sign_ins_token_digest ON phone_sign_ins (token_digest);
CREATE UNIQUE INDEX phone_sign_ins_code_digest ON phone_sign_ins (code_digest);
CREATE INDEX phone_sign_ins_by_network ON phone_sign_ins (network_digest, expires_at) WHERE network_digest IS NOT NULL;
CREATE INDEX phone_sign_ins_by_expiry ON phone_sign_ins (expires_at);
CREATE INDEX phone_sign_ins_by_user ON phone_sign_ins (user_id) WHERE user_id IS NOT NULL;
