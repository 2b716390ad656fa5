-- Twin of sqlite.sql: same tables, same columns, same meaning.
-- Times are milliseconds since the Unix epoch; ids are 16 bytes; digests 32.

-- When the present address was confirmed by a link that went to it; apps are told of nothing less.
ALTER TABLE users ADD COLUMN email_verified_at BIGINT;
-- When name, picture or address last changed; NULL if never since the account was made.
ALTER TABLE users ADD COLUMN updated_at BIGINT;

-- What else was asked for when it was made, as JSON; see protocols::oidc::authorize. NULL in those from before.
ALTER TABLE grants ADD COLUMN request TEXT;

-- From which network a request that waits came, as a digest: what one of them may leave here is bounded.
ALTER TABLE authorization_requests ADD COLUMN network BYTEA;
CREATE INDEX authorization_requests_by_network ON authorization_requests (network, created_at);

-- Leaving an app voids the codes that are under way to it.
CREATE INDEX authorization_codes_by_user ON authorization_codes (user_id, client_id);
