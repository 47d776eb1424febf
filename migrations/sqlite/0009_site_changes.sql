-- A random number for each site, replaced in the transaction of whatever changes what the database says about a link
-- that was alive (docs/ARCHITECTURE.md, Rows that are kept). A site without a row has the number of the row without a
-- name. Triggers do it, so that no statement can forget it, and none of a version that knows nothing of this table.

CREATE TABLE site_changes (
    site   TEXT NOT NULL PRIMARY KEY,
    change BLOB NOT NULL CHECK (length(change) = 16)
) STRICT, WITHOUT ROWID;

INSERT INTO site_changes (site, change) VALUES ('', randomblob(16));

CREATE TRIGGER site_change_of_changed_link AFTER UPDATE OF link_id, secret_hash, site, project, comment, attachment,
    attachment_id, generation, recipient, expires_at, revoked_at ON links
WHEN (OLD.link_id, OLD.secret_hash, OLD.site, OLD.project, OLD.comment, OLD.attachment,
    OLD.attachment_id, OLD.generation, OLD.recipient, OLD.expires_at, OLD.revoked_at)
    IS NOT (NEW.link_id, NEW.secret_hash, NEW.site, NEW.project, NEW.comment, NEW.attachment,
    NEW.attachment_id, NEW.generation, NEW.recipient, NEW.expires_at, NEW.revoked_at)
BEGIN
    INSERT INTO site_changes (site, change) VALUES (OLD.site, randomblob(16))
        ON CONFLICT (site) DO UPDATE SET change = excluded.change;
END;

-- What the purge forgets has been expired for 60 days; 30 of them are for clocks that differ.
CREATE TRIGGER site_change_of_forgotten_link AFTER DELETE ON links WHEN OLD.expires_at > unixepoch() - 2592000
BEGIN
    INSERT INTO site_changes (site, change) VALUES (OLD.site, randomblob(16))
        ON CONFLICT (site) DO UPDATE SET change = excluded.change;
END;

-- An attachment whose project is gone opens nothing any more: what is cleared away after its project changes nothing.
CREATE TRIGGER site_change_of_changed_attachment AFTER UPDATE OF attachment_id, project_id, comment, attachment,
    filename, media_type, kind, object_key, object_version, size, modified_at ON attachments
WHEN (OLD.attachment_id, OLD.project_id, OLD.comment, OLD.attachment,
    OLD.filename, OLD.media_type, OLD.kind, OLD.object_key, OLD.object_version, OLD.size, OLD.modified_at)
    IS NOT (NEW.attachment_id, NEW.project_id, NEW.comment, NEW.attachment,
    NEW.filename, NEW.media_type, NEW.kind, NEW.object_key, NEW.object_version, NEW.size, NEW.modified_at)
BEGIN
    INSERT INTO site_changes (site, change) SELECT site, randomblob(16) FROM projects WHERE project_id = OLD.project_id
        ON CONFLICT (site) DO UPDATE SET change = excluded.change;
END;

CREATE TRIGGER site_change_of_deleted_attachment AFTER DELETE ON attachments
BEGIN
    INSERT INTO site_changes (site, change) SELECT site, randomblob(16) FROM projects WHERE project_id = OLD.project_id
        ON CONFLICT (site) DO UPDATE SET change = excluded.change;
END;

CREATE TRIGGER site_change_of_changed_project AFTER UPDATE OF project_id, site, project, generation, portal_generation
    ON projects
WHEN (OLD.project_id, OLD.site, OLD.project, OLD.generation, OLD.portal_generation)
    IS NOT (NEW.project_id, NEW.site, NEW.project, NEW.generation, NEW.portal_generation)
BEGIN
    INSERT INTO site_changes (site, change) VALUES (OLD.site, randomblob(16))
        ON CONFLICT (site) DO UPDATE SET change = excluded.change;
END;

CREATE TRIGGER site_change_of_deleted_project AFTER DELETE ON projects
BEGIN
    INSERT INTO site_changes (site, change) VALUES (OLD.site, randomblob(16))
        ON CONFLICT (site) DO UPDATE SET change = excluded.change;
END;

CREATE TRIGGER site_change_of_new_tombstone AFTER INSERT ON comments WHEN NEW.deleted_at IS NOT NULL
BEGIN
    INSERT INTO site_changes (site, change) VALUES (NEW.site, randomblob(16))
        ON CONFLICT (site) DO UPDATE SET change = excluded.change;
END;

CREATE TRIGGER site_change_of_tombstone AFTER UPDATE OF site, project, comment, deleted_at ON comments
WHEN NEW.deleted_at IS NOT NULL AND (OLD.deleted_at IS NULL
    OR (OLD.site, OLD.project, OLD.comment) IS NOT (NEW.site, NEW.project, NEW.comment))
BEGIN
    INSERT INTO site_changes (site, change) VALUES (NEW.site, randomblob(16))
        ON CONFLICT (site) DO UPDATE SET change = excluded.change;
END;
