-- Every organization has an owner from now on: whoever administers it the longest.
UPDATE users SET role = 'owner'
WHERE role = 'administrator' AND status = 'active' AND NOT EXISTS (
    SELECT 1 FROM users older
    WHERE older.organization_id = users.organization_id AND older.id < users.id
      AND older.role = 'administrator' AND older.status = 'active'
);
CREATE INDEX users_owners ON users (organization_id, id) WHERE role = 'owner';

-- Administrators look people up by how a name or its last word begins.
ALTER TABLE users ADD COLUMN name_key TEXT;
ALTER TABLE users ADD COLUMN family_key TEXT;
UPDATE users SET name_key = lower(name),
    family_key = replace(lower(name), rtrim(lower(name), replace(lower(name), ' ', '')), '');
DROP INDEX users_by_organization;
CREATE INDEX users_by_name ON users (organization_id, name_key, id);
CREATE INDEX users_by_family ON users (organization_id, family_key, id);
CREATE INDEX users_by_email ON users (organization_id, email_key);
CREATE INDEX users_by_role ON users (organization_id, role, email_key);
CREATE INDEX users_by_status ON users (organization_id, status, email_key);
