-- The proofs of possession (RFC 9449) that a session was served with, until they are refused for their age: of each, the time
-- in milliseconds since 1970 (8 bytes) and the start of a hash of its `jti` (12 bytes). NULL for none.
ALTER TABLE sessions ADD COLUMN proofs BYTEA;
