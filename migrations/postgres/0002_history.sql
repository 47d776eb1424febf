-- Each revocation and mode change leaves a mark: its number (revocations count in recommits) and 16 random octets.
-- The newest one is also an object in the store, so that a database restored from a backup is found out
-- (docs/OPERATIONS.md, Restore).

CREATE TABLE revocation_marks (
    number BIGINT NOT NULL PRIMARY KEY,
    random BYTEA  NOT NULL CHECK (length(random) = 16)
);
