-- Twin of postgres.sql: same tables, same columns, same meaning.
-- Times are milliseconds since the Unix epoch; ids are 16 bytes.

-- Another e-mail address for an account. The old one is in force until the new mailbox has confirmed, and
-- can be given back until `undo_until`; until then nobody else gets it.
CREATE TABLE email_changes (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id),
    old_email TEXT NOT NULL,
    old_email_key TEXT NOT NULL,
    new_email TEXT NOT NULL,
    -- The session that asked.
    session_id BLOB NOT NULL,
    asked_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    confirm_link BLOB NOT NULL,
    undo_link BLOB NOT NULL,
    undo_until INTEGER NOT NULL
) STRICT;
CREATE INDEX email_changes_by_user ON email_changes (user_id, asked_at);
CREATE INDEX email_changes_by_old_email ON email_changes (old_email_key, undo_until);
CREATE INDEX email_changes_by_end ON email_changes (undo_until);
CREATE UNIQUE INDEX email_changes_confirm_link ON email_changes (confirm_link);
CREATE UNIQUE INDEX email_changes_undo_link ON email_changes (undo_link);
