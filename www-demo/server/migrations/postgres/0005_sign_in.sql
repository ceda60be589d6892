-- Memory in KiB times passes of the password's hash: the costliest is found without reading the others.
ALTER TABLE users ADD COLUMN password_cost BIGINT NOT NULL DEFAULT 0;
UPDATE users SET password_cost = 2 * CAST(substring(password FROM '[$]m=([0-9]+)') AS BIGINT) WHERE password LIKE '$%$m=%';
CREATE INDEX users_by_password_cost ON users (password_cost);

-- When the secret was last drawn anew, and the first generation since: tickets of earlier ones are void.
ALTER TABLE sessions ADD COLUMN renewed_generation BIGINT;
ALTER TABLE sessions ADD COLUMN renewed_at BIGINT;

-- How often passwords were tried. Names are keyed hashes: neither an account nor an address can be read.
CREATE TABLE throttles (
    name BYTEA NOT NULL PRIMARY KEY,
    even_at BIGINT NOT NULL, -- the theoretical arrival time of the generic cell rate algorithm
    burst BIGINT NOT NULL -- how far ahead of now it may be, in milliseconds
);

CREATE INDEX throttles_by_time ON throttles (even_at);
