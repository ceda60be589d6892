-- Times are milliseconds since the Unix epoch; ids are 16 random bytes.

CREATE TABLE users (
    id BLOB NOT NULL PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL, -- Argon2id, as a PHC string
    role TEXT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_active_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    ended_at INTEGER,
    end_reason TEXT,
    generation INTEGER NOT NULL,
    secret_hash BLOB NOT NULL, -- SHA-256 of the newest refresh secret
    replaced_at TEXT NOT NULL, -- when the last generations were replaced, a JSON array
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_of_user ON sessions (user_id) WHERE ended_at IS NULL;

-- What ended sessions, kept beyond their rows.
CREATE TABLE audit (
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    session_id BLOB NOT NULL,
    user_id BLOB NOT NULL
) STRICT;

CREATE INDEX audit_of_session ON audit (session_id);

CREATE TABLE notes (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX notes_of_user ON notes (user_id, created_at);
