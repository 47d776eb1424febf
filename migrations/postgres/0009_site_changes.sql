-- A random number for each site, replaced in the transaction of whatever changes what the database says about a link
-- that was alive (docs/ARCHITECTURE.md, Rows that are kept). A site without a row has the number of the row without a
-- name. Triggers do it, so that no statement can forget it, and none of a version that knows nothing of this table.
--
-- They are deferred: the site's row is locked last, at the commit. Whoever waits for it holds what they need already,
-- so no two transactions wait for each other there, and it is held for no longer than the commit takes.

CREATE TABLE site_changes (
    site   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    change BYTEA NOT NULL CHECK (length(change) = 16)
);

INSERT INTO site_changes (site, change) VALUES ('', uuid_send(gen_random_uuid()));

-- As the owner of the tables and with their schema, whoever writes to them.
CREATE FUNCTION replace_site_change(changed TEXT) RETURNS VOID LANGUAGE plpgsql
SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    -- Once in a transaction is enough, for nobody sees the numbers in between. Thousands of updates of one row in one
    -- transaction would take the longer the more there are. The setting ends with the transaction.
    IF current_setting('attachlink.site_changed', TRUE) IS DISTINCT FROM changed THEN
        INSERT INTO site_changes (site, change) VALUES (changed, uuid_send(gen_random_uuid()))
            ON CONFLICT (site) DO UPDATE SET change = EXCLUDED.change;
        PERFORM set_config('attachlink.site_changed', changed, TRUE);
    END IF;
END
$$;

CREATE FUNCTION change_site_of_old() RETURNS TRIGGER LANGUAGE plpgsql
SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM replace_site_change(OLD.site);
    RETURN NULL;
END
$$;

CREATE FUNCTION change_site_of_new() RETURNS TRIGGER LANGUAGE plpgsql
SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM replace_site_change(NEW.site);
    RETURN NULL;
END
$$;

-- An attachment whose project is gone opens nothing any more: what is cleared away after its project changes nothing.
CREATE FUNCTION change_site_of_attachment() RETURNS TRIGGER LANGUAGE plpgsql
SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM replace_site_change(site) FROM projects WHERE project_id = OLD.project_id;
    RETURN NULL;
END
$$;

CREATE FUNCTION change_all_sites() RETURNS TRIGGER LANGUAGE plpgsql
SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE site_changes SET change = uuid_send(gen_random_uuid());
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER site_change_of_changed_link AFTER UPDATE OF link_id, secret_hash, site, project, comment,
    attachment, attachment_id, generation, recipient, expires_at, revoked_at ON links
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN ((OLD.link_id, OLD.secret_hash, OLD.site, OLD.project, OLD.comment, OLD.attachment,
    OLD.attachment_id, OLD.generation, OLD.recipient, OLD.expires_at, OLD.revoked_at)
    IS DISTINCT FROM (NEW.link_id, NEW.secret_hash, NEW.site, NEW.project, NEW.comment, NEW.attachment,
    NEW.attachment_id, NEW.generation, NEW.recipient, NEW.expires_at, NEW.revoked_at))
EXECUTE FUNCTION change_site_of_old();

-- What the purge forgets has been expired for 60 days; 30 of them are for clocks that differ.
CREATE CONSTRAINT TRIGGER site_change_of_forgotten_link AFTER DELETE ON links
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN (OLD.expires_at > extract(epoch FROM now()) - 2592000)
EXECUTE FUNCTION change_site_of_old();

CREATE CONSTRAINT TRIGGER site_change_of_changed_attachment AFTER UPDATE OF attachment_id, project_id, comment,
    attachment, filename, media_type, kind, object_key, object_version, size, modified_at ON attachments
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN ((OLD.attachment_id, OLD.project_id, OLD.comment, OLD.attachment,
    OLD.filename, OLD.media_type, OLD.kind, OLD.object_key, OLD.object_version, OLD.size, OLD.modified_at)
    IS DISTINCT FROM (NEW.attachment_id, NEW.project_id, NEW.comment, NEW.attachment,
    NEW.filename, NEW.media_type, NEW.kind, NEW.object_key, NEW.object_version, NEW.size, NEW.modified_at))
EXECUTE FUNCTION change_site_of_attachment();

CREATE CONSTRAINT TRIGGER site_change_of_deleted_attachment AFTER DELETE ON attachments
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
EXECUTE FUNCTION change_site_of_attachment();

CREATE CONSTRAINT TRIGGER site_change_of_changed_project AFTER UPDATE OF project_id, site, project, generation,
    portal_generation ON projects
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN ((OLD.project_id, OLD.site, OLD.project, OLD.generation, OLD.portal_generation)
    IS DISTINCT FROM (NEW.project_id, NEW.site, NEW.project, NEW.generation, NEW.portal_generation))
EXECUTE FUNCTION change_site_of_old();

CREATE CONSTRAINT TRIGGER site_change_of_deleted_project AFTER DELETE ON projects
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
EXECUTE FUNCTION change_site_of_old();

CREATE CONSTRAINT TRIGGER site_change_of_new_tombstone AFTER INSERT ON comments
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN (NEW.deleted_at IS NOT NULL)
EXECUTE FUNCTION change_site_of_new();

CREATE CONSTRAINT TRIGGER site_change_of_tombstone AFTER UPDATE OF site, project, comment, deleted_at ON comments
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN (NEW.deleted_at IS NOT NULL AND (OLD.deleted_at IS NULL
    OR (OLD.site, OLD.project, OLD.comment) IS DISTINCT FROM (NEW.site, NEW.project, NEW.comment)))
EXECUTE FUNCTION change_site_of_new();

CREATE TRIGGER site_changes_of_emptied_links AFTER TRUNCATE ON links EXECUTE FUNCTION change_all_sites();
CREATE TRIGGER site_changes_of_emptied_attachments AFTER TRUNCATE ON attachments EXECUTE FUNCTION change_all_sites();
CREATE TRIGGER site_changes_of_emptied_projects AFTER TRUNCATE ON projects EXECUTE FUNCTION change_all_sites();
