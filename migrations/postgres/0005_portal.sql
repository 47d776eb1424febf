-- The portal: who may get in, ask, share and download. A help desk that wants only links has no row here.
--
-- Email addresses are in the form in which they are compared (src/domain/portal/email_address.rs).

-- A deleted site loses its row; one made anew gets another random portal_id, so nothing of the old one is seen again.
CREATE TABLE customer_access (
    site                    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    portal_id               BIGINT  NOT NULL UNIQUE,
    approved_domains        TEXT    NOT NULL, -- a JSON array
    internal_accounts       BOOLEAN NOT NULL,
    external_accounts       BOOLEAN NOT NULL,
    portal_without_login    BOOLEAN NOT NULL,
    outgoing_mail           BOOLEAN NOT NULL,
    incoming_address        TEXT,
    global_anonymous_access BOOLEAN NOT NULL
);

-- What the purge still has to clear away of deleted sites.
CREATE TABLE deleted_portals (
    portal_id BIGINT  NOT NULL PRIMARY KEY
);

-- Customers of a site. An address is proved once its owner answered or signed up.
CREATE TABLE accounts (
    portal_id BIGINT  NOT NULL,
    email     TEXT COLLATE "C" NOT NULL,
    proved    BOOLEAN NOT NULL,
    PRIMARY KEY (portal_id, email)
);

CREATE TABLE organization_members (
    portal_id    BIGINT  NOT NULL,
    organization TEXT COLLATE "C" NOT NULL,
    email        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (portal_id, organization, email)
);

CREATE INDEX organizations_of_member ON organization_members (portal_id, email);

-- What follows is keyed by a project's row, which a deleted project loses: the purge clears the rest away.
CREATE TABLE customer_permissions (
    project_id              BIGINT  NOT NULL PRIMARY KEY,
    channel_access          TEXT    NOT NULL CHECK (channel_access IN ('restricted', 'accounts', 'open')),
    sharing                 TEXT    NOT NULL CHECK (sharing IN ('organization', 'any_customer_by_email', 'any_in_project')),
    viewing                 TEXT    NOT NULL CHECK (viewing IN ('agents', 'all')),
    space_anonymous_access  BOOLEAN NOT NULL,
    flag_anonymous_requests BOOLEAN NOT NULL
);

CREATE TABLE project_customers (
    project_id BIGINT  NOT NULL,
    email      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (project_id, email)
);

CREATE TABLE requests (
    project_id BIGINT  NOT NULL,
    request    TEXT COLLATE "C" NOT NULL,
    reporter   TEXT COLLATE "C" NOT NULL,
    private    BOOLEAN NOT NULL,
    channel    TEXT    NOT NULL,
    PRIMARY KEY (project_id, request)
);

CREATE TABLE request_participants (
    project_id BIGINT  NOT NULL,
    request    TEXT COLLATE "C" NOT NULL,
    email      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (project_id, request, email)
);

CREATE TABLE request_organizations (
    project_id   BIGINT  NOT NULL,
    request      TEXT COLLATE "C" NOT NULL,
    organization TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (project_id, request, organization)
);

-- Customers who are tagged in a comment.
CREATE TABLE tagged_customers (
    project_id BIGINT  NOT NULL,
    comment    TEXT COLLATE "C" NOT NULL,
    email      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (project_id, comment, email)
);
