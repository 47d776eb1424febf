-- Since when the purge has seen a comment without attachments and without a tombstone. Whatever uses the comment clears
-- it. After the lifetime of links and their records such a row says nothing any more, and goes.

ALTER TABLE comments ADD COLUMN idle_since INTEGER;
