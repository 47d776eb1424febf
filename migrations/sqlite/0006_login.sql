-- Logging in to download: the OpenID Connect provider of a site, if it has one. provider_id is random, and another one
-- whenever the settings are replaced: what was begun under the old ones ends. The service's password at the provider is
-- sealed by a key that the database does not hold (src/login/seal.rs).
CREATE TABLE login_providers (
    site          TEXT    NOT NULL PRIMARY KEY,
    provider_id   INTEGER NOT NULL,
    issuer        TEXT    NOT NULL,
    client_id     TEXT    NOT NULL,
    sealed_secret TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- Links of five minutes, which a portal with a login of its own asks for, work only under this generation. It outlives
-- a change of the mode, which is about links in emails; `revoke` and `recover` renew it with the other one. It may begin
-- alike in all projects: a link also names an attachment's row, which is never used twice.
ALTER TABLE projects ADD COLUMN portal_generation INTEGER NOT NULL DEFAULT 0;
