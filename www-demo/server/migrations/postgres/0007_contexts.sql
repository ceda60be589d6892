-- The contexts that a user's access tokens may have, such as organisations, and the user's role there.
CREATE TABLE contexts (
    user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (user_id, name)
);
