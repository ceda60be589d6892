-- Users at identity providers (OpenID Connect Core 1.0 §5.7): issuer and subject together name one user, and nothing else does.
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX identities_of_user ON identities (user_id);

-- What a session has at the provider that it was opened by.
CREATE TABLE provider_sessions (
    session_id BLOB NOT NULL PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    provider TEXT NOT NULL, -- its name in the settings
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    sid TEXT, -- the provider's name of the session
    sealed BLOB, -- the provider's tokens, encrypted; NULL once the session has ended
    version INTEGER NOT NULL, -- one more with each change
    leased_until INTEGER -- a server asks the provider for new tokens until then
) STRICT, WITHOUT ROWID;

CREATE INDEX provider_sessions_by_subject ON provider_sessions (issuer, subject);

-- What ends a session, whatever it is, deletes the provider's tokens.
CREATE TRIGGER provider_session_ended AFTER UPDATE OF ended_at ON sessions
WHEN OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL
BEGIN
    UPDATE provider_sessions SET sealed = NULL, version = version + 1, leased_until = NULL WHERE session_id = NEW.id;
END;

-- Hashes of what counts once: transactions, logout tokens, and sessions that ended at their provider.
CREATE TABLE provider_marks (
    name BLOB NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX provider_marks_by_time ON provider_marks (expires_at);
