-- What must last (docs/ARCHITECTURE.md). Times are Unix seconds. STRICT, so that nothing of another type gets in;
-- its names of types are SQLite's: INTEGER stands for BIGINT and BOOLEAN.

CREATE TABLE sites (
    site               TEXT    NOT NULL PRIMARY KEY,
    plan               TEXT    NOT NULL,
    safe_notifications INTEGER NOT NULL,
    portal_url         TEXT,
    object_prefix      TEXT,
    created_at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A deleted project loses its row; one made anew gets another random project_id, so nothing of the old one is seen
-- again. Links work only under the generation they were issued under.
CREATE TABLE projects (
    project_id INTEGER NOT NULL PRIMARY KEY,
    site       TEXT    NOT NULL,
    project    TEXT    NOT NULL,
    mode       TEXT    NOT NULL CHECK (mode IN ('portal_login', 'secured_link')),
    generation INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (site, project)
) STRICT;

-- What the purge still has to clear away of deleted projects.
CREATE TABLE deleted_projects (
    project_id INTEGER NOT NULL PRIMARY KEY,
    site       TEXT    NOT NULL,
    project    TEXT    NOT NULL,
    deleted_at INTEGER NOT NULL
) STRICT;

-- A row with deleted_at is a tombstone: it outlives its project and its site.
CREATE TABLE comments (
    site          TEXT    NOT NULL,
    project       TEXT    NOT NULL,
    comment       TEXT    NOT NULL,
    deleted_at    INTEGER,
    request       TEXT,             -- of the last notification
    changes       INTEGER NOT NULL, -- counts registrations and deletions; the order of attachments comes from it
    PRIMARY KEY (site, project, comment)
) STRICT, WITHOUT ROWID;

-- attachment_id is never used twice: a registration after a deletion revives no link.
CREATE TABLE attachments (
    attachment_id    INTEGER NOT NULL PRIMARY KEY,
    project_id       INTEGER NOT NULL,
    comment          TEXT    NOT NULL,
    attachment       TEXT    NOT NULL,
    registered_order INTEGER NOT NULL,
    filename         TEXT    NOT NULL,
    media_type       TEXT    NOT NULL,
    kind             TEXT    NOT NULL,
    object_key       TEXT    NOT NULL,
    object_version   TEXT    NOT NULL,
    size             INTEGER NOT NULL CHECK (size >= 0),
    modified_at      INTEGER NOT NULL,
    uploaded         INTEGER NOT NULL,
    UNIQUE (project_id, comment, attachment)
) STRICT;

-- Rows lie in the order of link_id, which is the order of issue. The time of issue is in the id.
CREATE TABLE links (
    link_id       BLOB    NOT NULL PRIMARY KEY CHECK (length(link_id) = 16),
    secret_hash   BLOB    NOT NULL CHECK (length(secret_hash) = 32),
    site          TEXT    NOT NULL,
    project       TEXT    NOT NULL,
    comment       TEXT    NOT NULL,
    attachment    TEXT    NOT NULL,
    attachment_id INTEGER NOT NULL,
    generation    INTEGER NOT NULL,
    recipient     TEXT,
    expires_at    INTEGER NOT NULL,
    revoked_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX links_of_generation ON links (generation, expires_at);

CREATE TABLE api_keys (
    key_id      BLOB    NOT NULL PRIMARY KEY CHECK (length(key_id) = 16),
    secret_hash BLOB    NOT NULL CHECK (length(secret_hash) = 32),
    notify      INTEGER NOT NULL,
    admin       INTEGER NOT NULL,
    site        TEXT,
    project     TEXT,
    created_at  INTEGER NOT NULL,
    revoked_at  INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX api_keys_of_site ON api_keys (site);

-- Uploaded objects that the purge deletes once delete_at has come.
CREATE TABLE doomed_objects (
    object_key TEXT    NOT NULL PRIMARY KEY,
    delete_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX doomed_objects_by_time ON doomed_objects (delete_at);

-- Revocations that found nothing left to change raise this count, so that they commit again: an earlier try may be
-- visible without having reached the disk.
CREATE TABLE recommits (
    one   INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    count INTEGER NOT NULL
) STRICT;

INSERT INTO recommits (one, count) VALUES (1, 0);
