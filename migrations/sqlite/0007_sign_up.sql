-- Sign-up tokens: whoever redeems one has read mail to the address. Each is redeemed once; its row is kept for a while, so
-- that people read why it no longer works.
CREATE TABLE sign_up_tokens (
    portal_id   INTEGER NOT NULL,
    token_id    BLOB    NOT NULL CHECK (length(token_id) = 16),
    secret_hash BLOB    NOT NULL CHECK (length(secret_hash) = 32),
    email       TEXT    NOT NULL,
    expires_at  INTEGER NOT NULL,
    redeemed_at INTEGER,
    PRIMARY KEY (portal_id, token_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX sign_up_tokens_by_time ON sign_up_tokens (token_id);
