-- Customers who are logged in. A cookie names its row, and counts while the row is there: logging out deletes it. It stays
-- for a while after the session is over, for the downloads that were begun in it and still run.
CREATE TABLE login_sessions (
    session_id TEXT    NOT NULL PRIMARY KEY,
    over_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX login_sessions_by_time ON login_sessions (over_at);
