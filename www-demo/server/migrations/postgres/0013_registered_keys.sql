-- The public key that a browser has registered for a session (W3C, Device Bound Session Credentials): a point of P-256 in its
-- uncompressed form, or a modulus of RSA. NULL for none.
ALTER TABLE sessions ADD COLUMN registered_key BYTEA;
-- When the challenge was made that the key was last proved with; NULL as long as it never was.
ALTER TABLE sessions ADD COLUMN key_proved_at BIGINT;
