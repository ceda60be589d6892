-- A JSON array: a generation, and the hashes of its refresh secrets beside the newest, as an array of base64url texts.
-- It counts while the row has that generation: a server of before this migration rotates without clearing it.
ALTER TABLE sessions ADD COLUMN siblings TEXT;
