-- The project's row that `request` is of. A deleted project loses its row: made again under its name, it has other
-- requests, and whoever is on one that is called alike may download nothing that belonged to the former. NULL where
-- there was no project yet, or where an older build named the request: it is of whichever there is. The next attachment
-- or notification of the comment says which.
ALTER TABLE comments ADD COLUMN request_project BIGINT;
