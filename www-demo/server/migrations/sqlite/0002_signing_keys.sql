-- Sealed with the key file. The newest waits, the one before it signs, older ones only verify.
CREATE TABLE signing_keys (
    number INTEGER NOT NULL PRIMARY KEY,
    sealed BLOB NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;
