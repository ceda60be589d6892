-- Times are milliseconds since the Unix epoch; ids are 16 random bytes.

CREATE TABLE users (
    id BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
    email TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL, -- Argon2id, as a PHC string
    role TEXT NOT NULL,
    disabled BOOLEAN NOT NULL DEFAULT FALSE,
    created_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    id BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
    user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    last_active_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT,
    generation BIGINT NOT NULL,
    secret_hash BYTEA NOT NULL, -- SHA-256 of the newest refresh secret
    replaced_at TEXT NOT NULL, -- when the last generations were replaced, a JSON array
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
-- Each refresh writes its row; the room left on a page keeps the new version beside the old one, and no
-- index is touched, because none has a column that a refresh changes.
) WITH (fillfactor = 70);

CREATE INDEX sessions_of_user ON sessions (user_id) WHERE ended_at IS NULL;

-- What ended sessions, kept beyond their rows.
CREATE TABLE audit (
    at BIGINT NOT NULL,
    event TEXT NOT NULL,
    session_id BYTEA NOT NULL,
    user_id BYTEA NOT NULL
);

CREATE INDEX audit_of_session ON audit (session_id);

CREATE TABLE notes (
    id BYTEA NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
    user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    text TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX notes_of_user ON notes (user_id, created_at);
