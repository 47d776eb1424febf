-- The oldest build that may run on this schema, by the number of the newest migration that it knows. Migrations only
-- add, and leave it alone. One that takes away what builds before number N used sets it to N, which is less than its
-- own number: the version before it runs on beside it (docs/OPERATIONS.md, Rolling upgrade).

CREATE TABLE schema_compatibility (
    one          BIGINT  NOT NULL PRIMARY KEY CHECK (one = 1),
    oldest_build BIGINT  NOT NULL
);

INSERT INTO schema_compatibility (one, oldest_build) VALUES (1, 3);
