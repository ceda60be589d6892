-- What was revoked, as long as access tokens of it can be valid. Triggers write it: whatever ends a session, and whichever
-- program, writes the entry in the same transaction, and those who listen are told when it is committed, and only then.
CREATE TABLE revocations (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The transaction. What reads from the lowest that is under way misses none, in whichever order they are committed.
    position BIGINT NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    session_id BYTEA, -- without one, all sessions of the user
    user_id BYTEA NOT NULL,
    at BIGINT NOT NULL,
    logged_at BIGINT NOT NULL DEFAULT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
);

CREATE INDEX revocations_by_position ON revocations (position);
CREATE INDEX revocations_by_time ON revocations (logged_at);

CREATE FUNCTION nolapse_log_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO revocations (session_id, user_id, at) VALUES (NEW.id, NEW.user_id, NEW.ended_at);
    PERFORM pg_notify('nolapse_revocations', '');
    RETURN NULL;
END
$$;

CREATE FUNCTION nolapse_log_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO revocations (user_id, at)
    VALUES (OLD.id, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint);
    PERFORM pg_notify('nolapse_revocations', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER nolapse_session_ended AFTER UPDATE OF ended_at ON sessions
FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL)
EXECUTE FUNCTION nolapse_log_session();

CREATE TRIGGER nolapse_user_disabled AFTER UPDATE OF disabled ON users
FOR EACH ROW WHEN (NEW.disabled AND NOT OLD.disabled)
EXECUTE FUNCTION nolapse_log_user();

CREATE TRIGGER nolapse_user_deleted AFTER DELETE ON users
FOR EACH ROW EXECUTE FUNCTION nolapse_log_user();
