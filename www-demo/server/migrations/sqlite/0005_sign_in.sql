-- Memory in KiB times passes of the password's hash: the costliest is found without reading the others.
ALTER TABLE users ADD COLUMN password_cost INTEGER NOT NULL DEFAULT 0;
UPDATE users SET password_cost = 2 * CAST(substr(password, instr(password, '$m=') + 3) AS INTEGER) WHERE password LIKE '$%$m=%';
CREATE INDEX users_by_password_cost ON users (password_cost);

-- When the secret was last drawn anew, and the first generation since: tickets of earlier ones are void.
ALTER TABLE sessions ADD COLUMN renewed_generation INTEGER;
ALTER TABLE sessions ADD COLUMN renewed_at INTEGER;

-- How often passwords were tried. Names are keyed hashes: neither an account nor an address can be read.
CREATE TABLE throttles (
    name BLOB NOT NULL PRIMARY KEY,
    even_at INTEGER NOT NULL, -- the theoretical arrival time of the generic cell rate algorithm
    burst INTEGER NOT NULL -- how far ahead of now it may be, in milliseconds
) STRICT, WITHOUT ROWID;

CREATE INDEX throttles_by_time ON throttles (even_at);
