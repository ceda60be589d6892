-- What authenticators have registered (WebAuthn Level 3 §4). The public key is a COSE_Key; transports are separated by blanks.
CREATE TABLE passkeys (
    id BLOB NOT NULL PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    credential_id BLOB NOT NULL UNIQUE,
    public_key BLOB NOT NULL,
    counter INTEGER NOT NULL,
    backup_eligible INTEGER NOT NULL,
    backed_up INTEGER NOT NULL,
    transports TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX passkeys_of_user ON passkeys (user_id);

-- Challenges that were used, until they expire, with the attempt that used them.
CREATE TABLE used_challenges (
    id BLOB NOT NULL PRIMARY KEY,
    used_by BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX used_challenges_by_time ON used_challenges (expires_at);

-- Generators of one-time passwords (RFC 6238): the secret is encrypted with a key of the key file.
CREATE TABLE totp (
    user_id BLOB NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed BLOB NOT NULL,
    confirmed INTEGER NOT NULL,
    last_step INTEGER
) STRICT, WITHOUT ROWID;

-- SHA-256 of recovery codes that were not used.
CREATE TABLE recovery_codes (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash BLOB NOT NULL,
    PRIMARY KEY (user_id, hash)
) STRICT, WITHOUT ROWID;
