-- The portal: who may get in, ask, share and download. A help desk that wants only links has no row here.
--
-- Email addresses are in the form in which they are compared (src/domain/portal/email_address.rs).

-- A deleted site loses its row; one made anew gets another random portal_id, so nothing of the old one is seen again.
CREATE TABLE customer_access (
    site                    TEXT    NOT NULL PRIMARY KEY,
    portal_id               INTEGER NOT NULL UNIQUE,
    approved_domains        TEXT    NOT NULL, -- a JSON array
    internal_accounts       INTEGER NOT NULL,
    external_accounts       INTEGER NOT NULL,
    portal_without_login    INTEGER NOT NULL,
    outgoing_mail           INTEGER NOT NULL,
    incoming_address        TEXT,
    global_anonymous_access INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What the purge still has to clear away of deleted sites.
CREATE TABLE deleted_portals (
    portal_id INTEGER NOT NULL PRIMARY KEY
) STRICT;

-- Customers of a site. An address is proved once its owner answered or signed up.
CREATE TABLE accounts (
    portal_id INTEGER NOT NULL,
    email     TEXT    NOT NULL,
    proved    INTEGER NOT NULL,
    PRIMARY KEY (portal_id, email)
) STRICT, WITHOUT ROWID;

CREATE TABLE organization_members (
    portal_id    INTEGER NOT NULL,
    organization TEXT    NOT NULL,
    email        TEXT    NOT NULL,
    PRIMARY KEY (portal_id, organization, email)
) STRICT, WITHOUT ROWID;

CREATE INDEX organizations_of_member ON organization_members (portal_id, email);

-- What follows is keyed by a project's row, which a deleted project loses: the purge clears the rest away.
CREATE TABLE customer_permissions (
    project_id              INTEGER NOT NULL PRIMARY KEY,
    channel_access          TEXT    NOT NULL CHECK (channel_access IN ('restricted', 'accounts', 'open')),
    sharing                 TEXT    NOT NULL CHECK (sharing IN ('organization', 'any_customer_by_email', 'any_in_project')),
    viewing                 TEXT    NOT NULL CHECK (viewing IN ('agents', 'all')),
    space_anonymous_access  INTEGER NOT NULL,
    flag_anonymous_requests INTEGER NOT NULL
) STRICT;

CREATE TABLE project_customers (
    project_id INTEGER NOT NULL,
    email      TEXT    NOT NULL,
    PRIMARY KEY (project_id, email)
) STRICT, WITHOUT ROWID;

CREATE TABLE requests (
    project_id INTEGER NOT NULL,
    request    TEXT    NOT NULL,
    reporter   TEXT    NOT NULL,
    private    INTEGER NOT NULL,
    channel    TEXT    NOT NULL,
    PRIMARY KEY (project_id, request)
) STRICT, WITHOUT ROWID;

CREATE TABLE request_participants (
    project_id INTEGER NOT NULL,
    request    TEXT    NOT NULL,
    email      TEXT    NOT NULL,
    PRIMARY KEY (project_id, request, email)
) STRICT, WITHOUT ROWID;

CREATE TABLE request_organizations (
    project_id   INTEGER NOT NULL,
    request      TEXT    NOT NULL,
    organization TEXT    NOT NULL,
    PRIMARY KEY (project_id, request, organization)
) STRICT, WITHOUT ROWID;

-- Customers who are tagged in a comment.
CREATE TABLE tagged_customers (
    project_id INTEGER NOT NULL,
    comment    TEXT    NOT NULL,
    email      TEXT    NOT NULL,
    PRIMARY KEY (project_id, comment, email)
) STRICT, WITHOUT ROWID;
