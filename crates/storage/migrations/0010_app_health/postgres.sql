-- Twin of sqlite.sql: same tables, same columns, same meaning.

-- How it stands with telling each app: one row of one size, however much it was told.
CREATE TABLE app_health (
    client_id BYTEA NOT NULL PRIMARY KEY REFERENCES relying_parties (id),
    -- JSON, see domain::notice::Health.
    health TEXT NOT NULL
);

-- How many logouts each app has missed for good.
CREATE INDEX notices_undelivered_by_client ON notices (client_id, id) WHERE state = 'failed' OR state = 'gave_up';

-- A poll reads what is open, and what was confirmed while its reader was away: never all that the app was told. An
-- index over everything would be taken instead.
DROP INDEX notices_by_client;
DROP INDEX notices_pulled;
CREATE INDEX notices_pulled ON notices (client_id, id) WHERE channel = 'pull' AND state = 'confirmed';

-- Who hears when an app fails.
CREATE INDEX users_administrators ON users (organization_id, id) WHERE role = 'administrator';

-- Where a reader of the feed stands. Of what is open, it has everything up to the first; that stays some minutes
-- behind, since notices of several writers do not become visible in the order of their ids. What was confirmed
-- without a reader while it was away lies between the other two, until it has that.
ALTER TABLE feed_readers ADD COLUMN has_until BYTEA;
ALTER TABLE feed_readers ADD COLUMN missed_after BYTEA;
ALTER TABLE feed_readers ADD COLUMN missed_until BYTEA;
