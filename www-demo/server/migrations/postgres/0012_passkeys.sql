-- What authenticators have registered (WebAuthn Level 3 §4). The public key is a COSE_Key; transports are separated by blanks.
CREATE TABLE passkeys (
    id BYTEA NOT NULL PRIMARY KEY,
    user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    credential_id BYTEA NOT NULL UNIQUE,
    public_key BYTEA NOT NULL,
    counter BIGINT NOT NULL,
    backup_eligible BOOLEAN NOT NULL,
    backed_up BOOLEAN NOT NULL,
    transports TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL
);

CREATE INDEX passkeys_of_user ON passkeys (user_id);

-- Challenges that were used, until they expire, with the attempt that used them.
CREATE TABLE used_challenges (
    id BYTEA NOT NULL PRIMARY KEY,
    used_by BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX used_challenges_by_time ON used_challenges (expires_at);

-- Generators of one-time passwords (RFC 6238): the secret is encrypted with a key of the key file.
CREATE TABLE totp (
    user_id BYTEA NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed BYTEA NOT NULL,
    confirmed BOOLEAN NOT NULL,
    last_step BIGINT
);

-- SHA-256 of recovery codes that were not used.
CREATE TABLE recovery_codes (
    user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash BYTEA NOT NULL,
    PRIMARY KEY (user_id, hash)
);
