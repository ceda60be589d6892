-- What was revoked, as long as access tokens of it can be valid. Triggers write it: whatever ends a session, and whichever
-- program, writes the entry in the same transaction.
CREATE TABLE revocations (
    position INTEGER PRIMARY KEY AUTOINCREMENT, -- in the order of the transactions: one writes at a time
    session_id BLOB, -- without one, all sessions of the user
    user_id BLOB NOT NULL,
    at INTEGER NOT NULL,
    logged_at INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))
) STRICT;

CREATE INDEX revocations_by_time ON revocations (logged_at);

CREATE TRIGGER session_ended AFTER UPDATE OF ended_at ON sessions
WHEN OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL
BEGIN
    INSERT INTO revocations (session_id, user_id, at) VALUES (NEW.id, NEW.user_id, NEW.ended_at);
END;

CREATE TRIGGER user_disabled AFTER UPDATE OF disabled ON users
WHEN NEW.disabled AND NOT OLD.disabled
BEGIN
    INSERT INTO revocations (user_id, at)
    VALUES (OLD.id, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER));
END;

CREATE TRIGGER user_deleted AFTER DELETE ON users
BEGIN
    INSERT INTO revocations (user_id, at)
    VALUES (OLD.id, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER));
END;
