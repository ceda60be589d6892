-- When and how the user was authenticated: milliseconds since 1970, and the values of `amr`, separated by blanks. NULL in a
-- row of a server of before this migration: when the session began, by password.
ALTER TABLE sessions ADD COLUMN authenticated_at BIGINT;
ALTER TABLE sessions ADD COLUMN authentication_methods TEXT;
-- The SHA-256 thumbprint (RFC 7638) of the key that the session is bound to; NULL for a session that is bound to none.
ALTER TABLE sessions ADD COLUMN jkt BYTEA;
