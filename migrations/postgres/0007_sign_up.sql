-- Sign-up tokens: whoever redeems one has read mail to the address. Each is redeemed once; its row is kept for a while, so
-- that people read why it no longer works.
CREATE TABLE sign_up_tokens (
    portal_id   BIGINT NOT NULL,
    token_id    BYTEA   NOT NULL CHECK (octet_length(token_id) = 16),
    secret_hash BYTEA   NOT NULL CHECK (octet_length(secret_hash) = 32),
    email       TEXT COLLATE "C" NOT NULL,
    expires_at  BIGINT NOT NULL,
    redeemed_at BIGINT,
    PRIMARY KEY (portal_id, token_id)
);

CREATE INDEX sign_up_tokens_by_time ON sign_up_tokens (token_id);
