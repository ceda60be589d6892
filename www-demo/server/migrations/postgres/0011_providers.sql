-- Users at identity providers (OpenID Connect Core 1.0 §5.7): issuer and subject together name one user, and nothing else does.
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);

CREATE INDEX identities_of_user ON identities (user_id);

-- What a session has at the provider that it was opened by.
CREATE TABLE provider_sessions (
    session_id BYTEA NOT NULL PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    provider TEXT NOT NULL, -- its name in the settings
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    sid TEXT, -- the provider's name of the session
    sealed BYTEA, -- the provider's tokens, encrypted; NULL once the session has ended
    version BIGINT NOT NULL, -- one more with each change
    leased_until BIGINT -- a server asks the provider for new tokens until then
);

CREATE INDEX provider_sessions_by_subject ON provider_sessions (issuer, subject);

-- What ends a session, whatever it is, deletes the provider's tokens.
CREATE FUNCTION nolapse_end_provider_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE provider_sessions SET sealed = NULL, version = version + 1, leased_until = NULL WHERE session_id = NEW.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER nolapse_provider_session_ended AFTER UPDATE OF ended_at ON sessions
FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL)
EXECUTE FUNCTION nolapse_end_provider_session();

-- Hashes of what counts once: transactions, logout tokens, and sessions that ended at their provider.
CREATE TABLE provider_marks (
    name BYTEA NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

CREATE INDEX provider_marks_by_time ON provider_marks (expires_at);
