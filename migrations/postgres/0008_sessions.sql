-- Customers who are logged in. A cookie names its row, and counts while the row is there: logging out deletes it. It stays
-- for a while after the session is over, for the downloads that were begun in it and still run.
CREATE TABLE login_sessions (
    session_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    over_at    BIGINT NOT NULL
);

CREATE INDEX login_sessions_by_time ON login_sessions (over_at);
