-- The project's row that `request` is of. A deleted project loses its row: made again under its name, it has other
-- requests, and whoever is on one that is called alike may not download what is attached to a comment by the word of the
-- former's. NULL where there was no project yet, or the request was named before this column: it is of whichever there
-- is, and the next attachment or notification of the comment says which. A build that does not know the column leaves
-- what is there: then the request counts again once this one has named it.
ALTER TABLE comments ADD COLUMN request_project BIGINT;
