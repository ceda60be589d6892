-- Sealed with the key file. The newest waits, the one before it signs, older ones only verify.
CREATE TABLE signing_keys (
    number BIGINT NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL,
    made_at BIGINT NOT NULL
);
