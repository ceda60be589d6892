-- The databases of a set of shards (DATABASE_URLS). Each has a row of itself; shard 0, which has the users, one of each other too.
CREATE TABLE shards (
    number SMALLINT NOT NULL PRIMARY KEY CHECK (number BETWEEN 0 AND 255),
    set_id BYTEA NOT NULL, -- random, the same in all databases of a set
    is_self BOOLEAN NOT NULL
);

CREATE UNIQUE INDEX shards_self ON shards (is_self) WHERE is_self;

-- One more with each change: of two copies of a user, the later one has the greater version.
ALTER TABLE users ADD COLUMN version BIGINT NOT NULL DEFAULT 0;

-- What is still to be done on other shards, of shard 0 alone: each makes the copy of a user there as the user is now, and ends
-- sessions if it has a time. No foreign keys: a deleted user is to be deleted there too.
CREATE TABLE shard_tasks (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shard SMALLINT NOT NULL,
    user_id BYTEA NOT NULL,
    ended_at BIGINT,
    end_reason TEXT,
    kept BYTEA, -- a session that does not end
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);

CREATE INDEX shard_tasks_of_user ON shard_tasks (user_id);
CREATE INDEX shard_tasks_of_shard ON shard_tasks (shard, id);

CREATE FUNCTION nolapse_version_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A copy comes with the version that it has.
    IF NEW.version = OLD.version THEN
        NEW.version := OLD.version + 1;
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION nolapse_copy_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shard_tasks (shard, user_id) SELECT number, OLD.id FROM shards WHERE NOT is_self;
    RETURN NULL;
END
$$;

CREATE TRIGGER nolapse_user_versioned BEFORE UPDATE OF email, password, role, disabled ON users
FOR EACH ROW WHEN ((OLD.email, OLD.password, OLD.role, OLD.disabled)
    IS DISTINCT FROM (NEW.email, NEW.password, NEW.role, NEW.disabled))
EXECUTE FUNCTION nolapse_version_user();

CREATE TRIGGER nolapse_user_copied AFTER UPDATE OF email, password, role, disabled ON users
FOR EACH ROW WHEN ((OLD.email, OLD.password, OLD.role, OLD.disabled)
    IS DISTINCT FROM (NEW.email, NEW.password, NEW.role, NEW.disabled))
EXECUTE FUNCTION nolapse_copy_user();

CREATE TRIGGER nolapse_user_uncopied AFTER DELETE ON users
FOR EACH ROW EXECUTE FUNCTION nolapse_copy_user();
