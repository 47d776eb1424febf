-- What must last (docs/ARCHITECTURE.md). Times are Unix seconds. The same tables as in migrations/sqlite, with the same
-- numbers. Names compare by their octets: an index in a locale's order breaks when the system's locales change.

CREATE TABLE sites (
    site               TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    plan               TEXT    NOT NULL,
    safe_notifications BOOLEAN NOT NULL,
    portal_url         TEXT,
    object_prefix      TEXT,
    created_at         BIGINT  NOT NULL
);

-- A deleted project loses its row; one made anew gets another random project_id, so nothing of the old one is seen
-- again. Links work only under the generation they were issued under.
CREATE TABLE projects (
    project_id BIGINT  NOT NULL PRIMARY KEY,
    site       TEXT COLLATE "C" NOT NULL,
    project    TEXT COLLATE "C" NOT NULL,
    mode       TEXT    NOT NULL CHECK (mode IN ('portal_login', 'secured_link')),
    generation BIGINT  NOT NULL,
    changed_at BIGINT  NOT NULL,
    created_at BIGINT  NOT NULL,
    UNIQUE (site, project)
);

-- What the purge still has to clear away of deleted projects.
CREATE TABLE deleted_projects (
    project_id BIGINT  NOT NULL PRIMARY KEY,
    site       TEXT COLLATE "C" NOT NULL,
    project    TEXT COLLATE "C" NOT NULL,
    deleted_at BIGINT  NOT NULL
);

-- A row with deleted_at is a tombstone: it outlives its project and its site.
CREATE TABLE comments (
    site          TEXT COLLATE "C" NOT NULL,
    project       TEXT COLLATE "C" NOT NULL,
    comment       TEXT COLLATE "C" NOT NULL,
    deleted_at    BIGINT,
    request       TEXT,             -- of the last notification
    changes       BIGINT  NOT NULL, -- counts registrations and deletions; the order of attachments comes from it
    PRIMARY KEY (site, project, comment)
);

-- attachment_id is never used twice: a registration after a deletion revives no link.
CREATE TABLE attachments (
    attachment_id    BIGINT  NOT NULL PRIMARY KEY,
    project_id       BIGINT  NOT NULL,
    comment          TEXT COLLATE "C" NOT NULL,
    attachment       TEXT COLLATE "C" NOT NULL,
    registered_order BIGINT  NOT NULL,
    filename         TEXT    NOT NULL,
    media_type       TEXT    NOT NULL,
    kind             TEXT    NOT NULL,
    object_key       TEXT COLLATE "C" NOT NULL,
    object_version   TEXT    NOT NULL,
    size             BIGINT  NOT NULL CHECK (size >= 0),
    modified_at      BIGINT  NOT NULL,
    uploaded         BOOLEAN NOT NULL,
    UNIQUE (project_id, comment, attachment)
);

-- Rows lie in the order of link_id, which is the order of issue. The time of issue is in the id.
CREATE TABLE links (
    link_id       BYTEA   NOT NULL PRIMARY KEY CHECK (length(link_id) = 16),
    secret_hash   BYTEA   NOT NULL CHECK (length(secret_hash) = 32),
    site          TEXT COLLATE "C" NOT NULL,
    project       TEXT COLLATE "C" NOT NULL,
    comment       TEXT COLLATE "C" NOT NULL,
    attachment    TEXT COLLATE "C" NOT NULL,
    attachment_id BIGINT  NOT NULL,
    generation    BIGINT  NOT NULL,
    recipient     TEXT,
    expires_at    BIGINT  NOT NULL,
    revoked_at    BIGINT
);

CREATE INDEX links_of_generation ON links (generation, expires_at);

CREATE TABLE api_keys (
    key_id      BYTEA   NOT NULL PRIMARY KEY CHECK (length(key_id) = 16),
    secret_hash BYTEA   NOT NULL CHECK (length(secret_hash) = 32),
    notify      BOOLEAN NOT NULL,
    admin       BOOLEAN NOT NULL,
    site        TEXT COLLATE "C",
    project     TEXT COLLATE "C",
    created_at  BIGINT  NOT NULL,
    revoked_at  BIGINT
);

CREATE INDEX api_keys_of_site ON api_keys (site);

-- Uploaded objects that the purge deletes once delete_at has come.
CREATE TABLE doomed_objects (
    object_key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    delete_at  BIGINT  NOT NULL
);

CREATE INDEX doomed_objects_by_time ON doomed_objects (delete_at);

-- Revocations that found nothing left to change raise this count, so that they commit again: an earlier try may be
-- visible without having reached the disk.
CREATE TABLE recommits (
    one   BIGINT  NOT NULL PRIMARY KEY CHECK (one = 1),
    count BIGINT  NOT NULL
);

INSERT INTO recommits (one, count) VALUES (1, 0);
